/** The runs on a shared pool for its observers: a client of the pool is a run, with its part of each worker. */
import * as Progress from "../Progress.ts"
import type * as PoolState from "./PoolState.ts"

/** A run on the pool of a server, or one of the latest that have ended. @category models @since 0.1.0 */
export interface PoolRun {
  /** Number of the run in its server, from 1. */
  readonly id: number
  /** The job, with the address of the client. */
  readonly title: string
  /** `done` once the client has left. */
  readonly state: "running" | "done"
  /** Computes its progress. The total is not known to a server. */
  readonly progress: () => Progress.Progress
}

/** A client of the pool. */
interface Entry {
  readonly id: number
  readonly title: string
  readonly client: PoolState.Client
  readonly startMillis: number
}

/** The runs of a pool. */
export interface PoolRuns {
  /** Adds the run of a client. The result ends it. */
  readonly begin: (title: string, client: PoolState.Client) => () => void
  /** Returns the runs in the order of their start, and then the latest that have ended, the last one first. */
  readonly list: () => ReadonlyArray<PoolRun>
}

/** Runs that have ended and are kept; one without packets is not. */
const maxEndedRuns = 16

/** Returns the part of each worker of the pool in the tasks of a client, and of those that have left it. */
const workersOf = ({ workers }: PoolState.State, { usage }: PoolState.Client) => {
  const nothing = { packets: 0, units: 0, busyMillis: 0, failures: 0 }
  const unlimited = { joinedAt: undefined, goneAt: undefined }
  const present = Array.from(workers.values())
    .filter(({ state }) => state !== "joining")
    .map(({ host, index, name, state }) => {
      const counted = { ...nothing, ...usage.get(index) }
      return { ...counted, ...unlimited, name, host, state: state === "ready" ? ("ready" as const) : ("lost" as const) }
    })
  const gone = Array.from(usage)
    .filter(([index]) => !workers.has(index))
    .map(([, counted]) => ({ ...counted, ...unlimited, state: "gone" as const }))
  return [...present, ...gone]
}

/** Makes the list of the runs of a pool. `now` returns a monotonic time in milliseconds. */
export const make = (state: PoolState.State, now: () => number): PoolRuns => {
  const running = new Set<Entry>()
  const ended: Array<PoolRun> = []
  let lastId = 0
  const progressOf = ({ client, startMillis }: Entry) =>
    Progress.fromWorkers(workersOf(state, client), {
      ...{ startMillis, endMillis: now(), total: undefined },
      ...{ resumedUnits: 0, skipped: 0, retries: 0 }
    })
  const end = (entry: Entry) => {
    if (!running.delete(entry)) return
    const last = progressOf(entry)
    if (last.packets === 0) return
    ended.push({ id: entry.id, title: entry.title, state: "done", progress: () => last })
    if (ended.length > maxEndedRuns) ended.shift()
  }
  return {
    begin: (title, client) => {
      const entry: Entry = { id: ++lastId, title, client, startMillis: now() }
      running.add(entry)
      return () => end(entry)
    },
    list: () => [
      ...Array.from(running, (entry): PoolRun => {
        const { id, title } = entry
        return { id, title, state: "running", progress: () => progressOf(entry) }
      }),
      ...ended.toReversed()
    ]
  }
}
