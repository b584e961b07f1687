/** The progress of a run, and of each worker in it. */
import * as GoneWorkers from "./dispatcher/GoneWorkers.ts"

/** The part of one worker in a run. @category models @since 0.1.0 */
export interface WorkerProgress {
  readonly name: string
  /** The host of the worker; undefined for this one. */
  readonly host: string | undefined
  /** `ready`: takes packets. `lost`: failed, and may return. `gone`: failed permanently. */
  readonly state: "ready" | "lost" | "gone"
  /** Packets of this worker whose results were merged. */
  readonly packets: number
  /** The worker's fraction of the merged units, 0 to 1. */
  readonly share: number
  /** The time that the worker spent on packets whose results were merged. */
  readonly busyMillis: number
  /** Failed attempts on this worker that count against packets. */
  readonly failures: number
}

/** The part of one host in a run: of its workers together. @category models @since 0.1.0 */
export interface HostProgress {
  /** Undefined for this host. */
  readonly host: string | undefined
  /** `ready`: a worker takes packets. `lost`: none does, but one may return. `gone`: all failed permanently. */
  readonly state: WorkerProgress["state"]
  /** The workers that take packets, of all that the host has had. */
  readonly ready: number
  readonly workers: number
  readonly packets: number
  readonly share: number
  readonly busyMillis: number
  readonly failures: number
}

/** The progress of a run. @category models @since 0.1.0 */
export interface Progress {
  /** Units whose results are merged, including those of the checkpoint. */
  readonly done: number
  /** All units; `undefined` if the number is unknown. */
  readonly total: number | undefined
  /** Packets merged in this run. */
  readonly packets: number
  /** Packets that were given up in this run. */
  readonly skipped: number
  /** Packets that were sent again after a failed attempt. */
  readonly retries: number
  /** The average over the whole run. */
  readonly unitsPerSecond: number
  /** The time from the start of the run until now, or until its end. */
  readonly elapsedMillis: number
  /** The estimated time until the end at this rate; `undefined` if it is unknown. */
  readonly etaMillis: number | undefined
  /** The fraction of the workers' time that was spent on merged packets, 0 to 1. */
  readonly efficiency: number
  /** The workers in the order in which they joined. Of those that are gone it has the newest hundred. */
  readonly workers: ReadonlyArray<WorkerProgress>
  /** The hosts of these workers, in the order of the first ones, with all workers that each has had. */
  readonly hosts: ReadonlyArray<HostProgress>
}

/** The totals of one worker. */
interface WorkerTotals extends Omit<WorkerProgress, "share" | "host"> {
  readonly host?: string | undefined
  readonly units: number
  /** The times at which it joined and left, in milliseconds; undefined for the start and the end. */
  readonly joinedAt: number | undefined
  readonly goneAt: number | undefined
}

/** The totals of a run. */
interface RunTotals {
  /** Units of the checkpoint. */
  readonly resumedUnits: number
  readonly startMillis: number
  readonly endMillis: number
  readonly total: number | undefined
  readonly skipped: number
  readonly retries: number
}

const sum = <A>(items: ReadonlyArray<A>, pick: (item: A) => number) => items.reduce((all, one) => all + pick(one), 0)

const statesFromBest = ["ready", "lost", "gone"] as const

/** Returns the best state of a host's workers. */
const stateOf = (workers: ReadonlyArray<WorkerProgress>) =>
  statesFromBest.find((state) => workers.some((worker) => worker.state === state)) ?? "gone"

const progressByHost = (
  workers: ReadonlyArray<WorkerProgress>,
  { byHost }: GoneWorkers.Forgotten,
  shareOf: (units: number) => number
): ReadonlyArray<HostProgress> =>
  Array.from(
    Map.groupBy(workers, ({ host }) => host),
    ([host, members]) => {
      const before = byHost.get(host) ?? GoneWorkers.noTotals()
      return {
        host,
        state: stateOf(members),
        ready: members.filter(({ state }) => state === "ready").length,
        workers: before.workers + members.length,
        packets: before.packets + sum(members, ({ packets }) => packets),
        share: shareOf(before.units) + sum(members, ({ share }) => share),
        busyMillis: before.busyMillis + sum(members, ({ busyMillis }) => busyMillis),
        failures: before.failures + sum(members, ({ failures }) => failures)
      }
    }
  )

/**
 * Computes the progress of a run from the totals of its workers, and of those that are forgotten.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromWorkers = (
  counted: ReadonlyArray<WorkerTotals>,
  { endMillis, resumedUnits, retries, skipped, startMillis, total }: RunTotals,
  forgotten: GoneWorkers.Forgotten = GoneWorkers.nothingForgotten()
): Progress => {
  const before = GoneWorkers.sum(forgotten)
  const units = before.units + sum(counted, (one) => one.units)
  const busyMillis = before.busyMillis + sum(counted, (one) => one.busyMillis)
  const elapsedMillis = endMillis - startMillis
  const presentMillis =
    before.presentMillis + sum(counted, ({ goneAt = endMillis, joinedAt = startMillis }) => goneAt - joinedAt)
  const shareOf = (own: number) => (units === 0 ? 0 : own / units)
  const done = resumedUnits + units
  const unitsPerSecond = elapsedMillis > 0 ? (units * 1_000) / elapsedMillis : 0
  const workers = counted.map(({ busyMillis, failures, host, name, packets, state, units: own }) => ({
    name,
    host,
    state,
    packets,
    share: shareOf(own),
    busyMillis,
    failures
  }))
  return {
    done,
    total,
    packets: before.packets + sum(counted, (one) => one.packets),
    skipped,
    retries,
    unitsPerSecond,
    elapsedMillis,
    etaMillis: total === undefined || unitsPerSecond === 0 ? undefined : ((total - done) * 1_000) / unitsPerSecond,
    efficiency: presentMillis > 0 ? Math.min(1, busyMillis / presentMillis) : 0,
    workers,
    hosts: progressByHost(workers, forgotten, shareOf)
  }
}
