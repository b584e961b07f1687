/** The progress of a run, and of each worker in it. */

/** The part of one worker in a run. @category models @since 0.1.0 */
export interface WorkerProgress {
  readonly name: string
  /** `ready`: takes packets. `lost`: failed, and may return. `gone`: failed permanently. */
  readonly state: "ready" | "lost" | "gone"
  /** Packets of this worker whose results were merged. */
  readonly packets: number
  /** The worker's fraction of the merged units, 0 to 1. */
  readonly share: number
  /** The time that the worker spent on packets whose results were merged. */
  readonly busyMillis: number
}

/** The progress of a run. @category models @since 0.1.0 */
export interface Progress {
  /** Units whose results are merged, including those of the checkpoint. */
  readonly done: number
  /** All units; `undefined` if the number is unknown. */
  readonly total: number | undefined
  /** Packets merged in this run. */
  readonly packets: number
  /** The average over the whole run. */
  readonly unitsPerSecond: number
  /** The time from the start of the run until now, or until its end. */
  readonly elapsedMillis: number
  /** The estimated time until the end at this rate; `undefined` if it is unknown. */
  readonly etaMillis: number | undefined
  /** The fraction of the workers' time that was spent on merged packets, 0 to 1. */
  readonly efficiency: number
  readonly workers: ReadonlyArray<WorkerProgress>
}

/** The totals of one worker. */
interface WorkerTotals extends Omit<WorkerProgress, "share"> {
  readonly units: number
}

/**
 * Computes the progress of a run from the totals of its workers; `resumedUnits` came from a checkpoint.
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
