/** How far a run is, and who does it. */
import type * as Effect from "effect/Effect"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** What one worker has done in this run. @category models @since 0.1.0 */
export interface WorkerProgress {
  readonly name: string
  /** `lost` ones may come back, `gone` ones do not. */
  readonly state: "ready" | "lost" | "gone"
  readonly packets: number
  /** Its part of the units that count, 0 to 1. */
  readonly share: number
  /** Milliseconds of work that counted. */
  readonly busyMillis: number
}

/** Stats of a run, ten times a second and at its end. @category models @since 0.1.0 */
export interface Progress {
  /** Units whose results are merged, those of the checkpoint too. */
  readonly done: number
  /** `undefined` where it is not known. */
  readonly total: number | undefined
  /** Packets done in this run. */
  readonly packets: number
  /** Units a second, over the whole run. */
  readonly unitsPerSecond: number
  /** Milliseconds. */
  readonly elapsedMillis: number
  /** Milliseconds until the end at this rate, `undefined` where it is not known. */
  readonly etaMillis: number | undefined
  /** The part of the time that the workers spent on work that counts, 0 to 1. */
  readonly efficiency: number
  readonly workers: ReadonlyArray<WorkerProgress>
}

const initial: Progress = {
  done: 0,
  total: undefined,
  packets: 0,
  unitsPerSecond: 0,
  elapsedMillis: 0,
  etaMillis: undefined,
  efficiency: 0,
  workers: []
}

/**
 * Holds the stats of the run that it is given to: `SubscriptionRef.changes` follows them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<SubscriptionRef.SubscriptionRef<Progress>> = SubscriptionRef.make(initial)

/** What stats are made from. */
interface WorkerTotals extends Omit<WorkerProgress, "share"> {
  readonly units: number
}

/**
 * Stats after so many milliseconds; `before` units came from a checkpoint.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromWorkers = (
  counted: ReadonlyArray<WorkerTotals>,
  {
    elapsedMillis,
    resumedUnits,
    total
  }: { readonly resumedUnits: number; readonly elapsedMillis: number; readonly total: number | undefined }
): Progress => {
  const sum = (pick: (one: WorkerTotals) => number) => counted.reduce((all, one) => all + pick(one), 0)
  const units = sum((one) => one.units)
  const done = resumedUnits + units
  const unitsPerSecond = elapsedMillis > 0 ? (units * 1_000) / elapsedMillis : 0
  return {
    done,
    total,
    packets: sum((one) => one.packets),
    unitsPerSecond,
    elapsedMillis,
    etaMillis: total === undefined || unitsPerSecond === 0 ? undefined : ((total - done) * 1_000) / unitsPerSecond,
    efficiency: elapsedMillis > 0 ? Math.min(1, sum((one) => one.busyMillis) / (elapsedMillis * counted.length)) : 0,
    workers: counted.map(({ busyMillis, name, packets, state, units: own }) => ({
      name,
      state,
      packets,
      share: units === 0 ? 0 : own / units,
      busyMillis
    }))
  }
}
