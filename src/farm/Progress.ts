/** How far a run is, and who does it. */
import type * as Effect from "effect/Effect"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** What one worker has done in this run. @category models @since 0.1.0 */
export interface Share {
  readonly name: string
  /** `lost` ones may come back, `gone` ones do not. */
  readonly state: "ready" | "lost" | "gone"
  readonly packets: number
  /** Its part of the units that count, 0 to 1. */
  readonly share: number
  /** Milliseconds of work that counted. */
  readonly busy: number
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
  readonly rate: number
  /** Milliseconds. */
  readonly elapsed: number
  /** Milliseconds until the end at this rate, `undefined` where it is not known. */
  readonly eta: number | undefined
  /** The part of the time that the workers spent on work that counts, 0 to 1. */
  readonly efficiency: number
  readonly workers: ReadonlyArray<Share>
}

const none: Progress = {
  done: 0,
  total: undefined,
  packets: 0,
  rate: 0,
  elapsed: 0,
  eta: undefined,
  efficiency: 0,
  workers: []
}

/**
 * Holds the stats of the run that it is given to: `SubscriptionRef.changes` follows them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<SubscriptionRef.SubscriptionRef<Progress>> = SubscriptionRef.make(none)

/** What stats are made from. */
interface Counted extends Omit<Share, "share"> {
  readonly units: number
}

/**
 * Stats after so many milliseconds; `before` units came from a checkpoint.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (
  counted: ReadonlyArray<Counted>,
  { before, elapsed, total }: { readonly before: number; readonly elapsed: number; readonly total: number | undefined }
): Progress => {
  const sum = (pick: (one: Counted) => number) => counted.reduce((all, one) => all + pick(one), 0)
  const units = sum((one) => one.units)
  const done = before + units
  const rate = elapsed > 0 ? (units * 1_000) / elapsed : 0
  return {
    done,
    total,
    packets: sum((one) => one.packets),
    rate,
    elapsed,
    eta: total === undefined || rate === 0 ? undefined : ((total - done) * 1_000) / rate,
    efficiency: elapsed > 0 ? Math.min(1, sum((one) => one.busy) / (elapsed * counted.length)) : 0,
    workers: counted.map(({ busy, name, packets, state, units: own }) => ({
      name,
      state,
      packets,
      share: units === 0 ? 0 : own / units,
      busy
    }))
  }
}
