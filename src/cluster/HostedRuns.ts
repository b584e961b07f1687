/** The runs on a host for its observers: those that it works on, and the latest that have ended here. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ClusterError } from "./ClusterError.ts"
import { formatJob, type RunStatus } from "./FarmPool.ts"
import * as HostedRun from "./HostedRun.ts"

/** A run that is on this host, or has ended here. @category models @since 0.1.0 */
export interface ObservedRun {
  /** Number of the run on this host, from 1. */
  readonly id: number
  readonly pool: string
  /** The job with its version. */
  readonly job: string
  readonly state: "running" | "done" | "failed"
  /** Its progress, the last one if it has ended. */
  readonly status: RunStatus
}

/** The runs on a host. @category models @since 0.1.0 */
export interface HostedRuns {
  /** Adds a run. The result ends it. */
  readonly begin: (run: HostedRun.HostedRun) => (exit: Exit.Exit<unknown, ClusterError>) => Effect.Effect<void>
  /** The runs in the order of their start, and then the latest that have ended, the last one first. */
  readonly list: Effect.Effect<ReadonlyArray<ObservedRun>>
}

/** Runs that have ended and are kept. */
const maxEndedRuns = 16

interface Entry {
  readonly id: number
  readonly run: HostedRun.HostedRun
}

const observe = ({ id, run }: Entry, state: ObservedRun["state"]): Effect.Effect<ObservedRun> => {
  const { job, pool } = run.spec
  return Effect.map(HostedRun.status(run), (status) => ({ id, pool, job: formatJob(job), state, status }))
}

/** Makes the list of the runs of a host. @category constructors @since 0.1.0 */
export const make = (): HostedRuns => {
  const running = new Set<Entry>()
  const ended: Array<ObservedRun> = []
  let lastId = 0
  const end = Effect.fnUntraced(function* (entry: Entry, exit: Exit.Exit<unknown, ClusterError>) {
    running.delete(entry)
    // An interrupted run continues on another host.
    if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return
    const last = yield* observe(entry, Exit.isSuccess(exit) ? "done" : "failed")
    // A run that had ended before has no progress here.
    if (last.status.state !== "running") return
    ended.push(last)
    if (ended.length > maxEndedRuns) ended.shift()
  })
  return {
    begin: (run) => {
      const entry: Entry = { id: ++lastId, run }
      running.add(entry)
      return (exit) => end(entry, exit)
    },
    list: Effect.suspend(() =>
      Effect.map(
        Effect.forEach([...running], (entry) => observe(entry, "running")),
        (live) => [...live, ...ended.toReversed()]
      )
    )
  }
}
