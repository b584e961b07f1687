/**
 * The state of a remote host: its link, and the tasks in flight on it. `step` and `applyOutcomes` return what is to be
 * sent and reported. Pure, except that the table of tasks is mutable.
 *
 * A task has a wire id, because two workers of the host may have the same packet, and a new run may reuse the packet
 * ids of an earlier one. An outcome is reported while the run that sent the task is attached.
 */
import * as Result from "effect/Result"
import * as Quantity from "../../network/Quantity.ts"
import * as InFlight from "../InFlight.ts"
import type { Report, Task, TaskOutcome } from "../Worker.ts"

/** The first and the last time, in milliseconds, at which a connection reported work on a task that was wanted. */
interface Working {
  readonly since: number
  readonly until: number
}

/** The link to a host. After `Down` it is connected again, after `Gone` never. */
export type Link =
  /** The first attempt to connect. No run is attached yet: the workers of a host exist only after it. */
  | { readonly _tag: "Connecting" }
  /** The connection has this number of threads. `hasSucceeded`: a task was done. */
  | { readonly _tag: "Up"; readonly threads: number; readonly hasSucceeded: boolean; readonly working?: Working }
  | { readonly _tag: "Down" | "Gone"; readonly message: string }

/** A run of one worker of the host: of its thread with this index, from 0. */
export interface Run {
  readonly thread: number
  readonly report: (reports: ReadonlyArray<Report>) => void
}

/** A task in flight, with the id that the run has given. */
interface RemoteTask {
  readonly run: Run
  readonly id: number
}

/** The state of a host. */
export interface State {
  readonly link: Link
  /** The attached runs. */
  readonly runs: ReadonlySet<Run>
  readonly nextWireId: number
  /** The tasks in flight, by wire id. */
  readonly inFlight: InFlight.InFlight<number, RemoteTask>
}

/** An event: from `RemoteHost` about its connection, or from the farm about the run of a worker. */
export type Event =
  /** The handshake is complete. The workers beyond the number of threads are lost until a connection has more. */
  | { readonly _tag: "Connected"; readonly threads: number }
  /** The connection has more threads than before. */
  | { readonly _tag: "Grown"; readonly threads: number }
  /** The connection, or an attempt to connect, failed. */
  | { readonly _tag: "Failed"; readonly message: string }
  /** `RemoteHost` connects no more. No packet is blamed for it. */
  | { readonly _tag: "GivenUp"; readonly message: string }
  | { readonly _tag: "Attach"; readonly run: Run }
  | { readonly _tag: "Detach"; readonly run: Run; readonly now: number }
  /** Ignored unless the link is up: the run has a `Lost` before. */
  | { readonly _tag: "Run"; readonly run: Run; readonly tasks: ReadonlyArray<Task> }
  | { readonly _tag: "Cancel"; readonly run: Run; readonly ids: ReadonlyArray<number>; readonly now: number }

/** An action, to be performed in this order. The ids of `Send` and `Cancel` are wire ids. */
export type Action =
  | { readonly _tag: "Report"; readonly run: Run; readonly reports: ReadonlyArray<Report> }
  | { readonly _tag: "Send"; readonly tasks: ReadonlyArray<Task> }
  | { readonly _tag: "Cancel"; readonly ids: ReadonlyArray<number> }

/** The next state, and the actions to perform. */
export type Transition = readonly [state: State, actions: ReadonlyArray<Action>]

/** An outcome of a task that is not in flight: the driver then fails the connection. */
export interface UnknownTask {
  readonly _tag: "UnknownTask"
  readonly id: number
}

/** Makes the state of a host before its first connection. */
export const initial = (): State => ({
  link: { _tag: "Connecting" },
  runs: new Set(),
  nextWireId: 0,
  inFlight: InFlight.make()
})

const report = (runs: Iterable<Run>, reported: Report): ReadonlyArray<Action> =>
  Array.from(runs, (run) => ({ _tag: "Report", run, reports: [reported] }))

/** Returns the runs whose worker has a thread in this connection. */
const runsOf = (runs: ReadonlySet<Run>, threads: number) => Array.from(runs).filter(({ thread }) => thread < threads)

const cancel = (
  { inFlight }: State,
  { now, run }: { readonly run: Run; readonly now: number },
  isWanted: (id: number) => boolean
): ReadonlyArray<Action> => {
  const wireIds = InFlight.keysOf(inFlight, (task) => task.run === run && isWanted(task.id))
  const ids = InFlight.cancelAll(inFlight, wireIds, now)
  return ids.length === 0 ? [] : [{ _tag: "Cancel", ids }]
}

/** Returns the report to a run at its begin, undefined if its worker is ready. */
const reportAtAttach = (link: Link, { thread }: Run): Report | undefined => {
  switch (link._tag) {
    case "Connecting":
      return undefined
    case "Up": {
      const message = `the host has ${Quantity.format(link.threads, "thread")} now`
      return thread < link.threads ? undefined : { _tag: "Lost", message }
    }
    case "Down":
      return { _tag: "Lost", message: link.message }
    case "Gone":
      return { _tag: "Gone", message: link.message }
  }
}

/** Applies an event. */
export const step = (state: State, event: Event): Transition => {
  const { inFlight, link, nextWireId, runs } = state
  switch (event._tag) {
    case "Connected":
      return [
        { ...state, link: { _tag: "Up", threads: event.threads, hasSucceeded: false } },
        report(runsOf(runs, event.threads), { _tag: "Ready" })
      ]
    case "Grown": {
      if (link._tag !== "Up") return [state, []]
      const added = runsOf(runs, event.threads).filter(({ thread }) => thread >= link.threads)
      return [{ ...state, link: { ...link, threads: event.threads } }, report(added, { _tag: "Ready" })]
    }
    case "Failed": {
      const { message } = event
      InFlight.takeAll(inFlight)
      const down: State = { ...state, link: { _tag: "Down", message } }
      return [down, link._tag === "Up" ? report(runsOf(runs, link.threads), { _tag: "Lost", message }) : []]
    }
    case "GivenUp": {
      const gone = { _tag: "Gone", message: event.message } as const
      InFlight.takeAll(inFlight)
      return [{ ...state, link: gone }, report(runs, { ...gone, running: [] })]
    }
    case "Attach": {
      const { run } = event
      const reported = reportAtAttach(link, run)
      return [{ ...state, runs: new Set(runs).add(run) }, reported === undefined ? [] : report([run], reported)]
    }
    case "Detach": {
      const others = new Set(runs)
      others.delete(event.run)
      return [{ ...state, runs: others }, cancel(state, event, () => true)]
    }
    case "Run": {
      if (link._tag !== "Up" || event.run.thread >= link.threads || !runs.has(event.run)) return [state, []]
      const tasks = event.tasks.map(({ packet }, index) => ({ id: nextWireId + index, packet }))
      for (const [index, { id }] of event.tasks.entries()) {
        InFlight.add(inFlight, nextWireId + index, { run: event.run, id })
      }
      return [{ ...state, nextWireId: nextWireId + tasks.length }, [{ _tag: "Send", tasks }]]
    }
    case "Cancel": {
      const wanted = new Set(event.ids)
      return [state, cancel(state, event, (id) => wanted.has(id))]
    }
  }
}

/** Notes that the host works on a task that is wanted. */
const noteWorking = (state: State, wireIds: ReadonlyArray<number>, now: number): State => {
  const { inFlight, link } = state
  const isWanted = (wireId: number) => inFlight.entries.has(wireId) && !inFlight.cancelledAt.has(wireId)
  if (link._tag !== "Up" || !wireIds.some(isWanted)) return state
  return { ...state, link: { ...link, working: { since: link.working?.since ?? now, until: now } } }
}

/** Reports the tasks that the host works on, by wire id; with `isSignOfLife` also to the runs without one. */
export const applyWorking = (
  state: State,
  wireIds: ReadonlyArray<number>,
  { isSignOfLife, now }: { readonly isSignOfLife: boolean; readonly now: number }
): Transition => {
  const reports = new Map<Run, Array<Report>>()
  if (isSignOfLife) for (const run of state.runs) reports.set(run, [{ _tag: "Alive" }])
  for (const wireId of wireIds) {
    const task = state.inFlight.entries.get(wireId)
    if (task === undefined || !state.runs.has(task.run)) continue
    const all = reports.get(task.run) ?? []
    all.push({ _tag: "Working", id: task.id })
    reports.set(task.run, all)
  }
  return [
    noteWorking(state, wireIds, now),
    Array.from(reports, ([run, all]) => ({ _tag: "Report", run, reports: all }))
  ]
}

/** The times of a connection in milliseconds, for a decision at its end. */
interface ConnectionTimes {
  readonly connectedAt: number
  /** The last sign of life. */
  readonly heardAt: number
  readonly now: number
  /** The time in which cancelled tasks must end. */
  readonly leaseMillis: number
  /** The time after which a connection counts as a success without a task that was done. */
  readonly stableMillis: number
}

/**
 * Returns true if a connection was of use, so that the reconnect schedule begins anew. A task was done, the host has
 * reported work on a long one for some time, or it was alive for that time and has left no task without an outcome.
 */
export const wasUseful = (
  { inFlight, link }: State,
  { connectedAt, heardAt, leaseMillis, now, stableMillis }: ConnectionTimes
): boolean => {
  if (link._tag !== "Up" || link.hasSucceeded) return link._tag === "Up"
  if (InFlight.isOverdue(inFlight, now, leaseMillis)) return false
  const { since, until } = inFlight.entries.size === 0 ? { since: connectedAt, until: heardAt } : (link.working ?? none)
  return until - since >= stableMillis
}

const none: Working = { since: 0, until: 0 }

/** Applies the outcomes of wire ids. Applies none if a task is not in flight, or has two outcomes. */
export const applyOutcomes = (
  state: State,
  outcomes: ReadonlyArray<TaskOutcome>
): Result.Result<Transition, UnknownTask> => {
  const { inFlight, link, runs } = state
  const seen = new Set<number>()
  const unknown = outcomes.find(({ id }) => !inFlight.entries.has(id) || seen.size === seen.add(id).size)
  if (unknown !== undefined) return Result.fail({ _tag: "UnknownTask", id: unknown.id })
  const reports = new Map<Run, Array<Report>>()
  for (const outcome of outcomes) {
    const { id, run } = InFlight.take(inFlight, outcome.id)!
    const all = reports.get(run) ?? []
    all.push({ ...outcome, id })
    if (runs.has(run)) reports.set(run, all)
  }
  const hasSucceeded = outcomes.some(({ _tag }) => _tag === "Done")
  return Result.succeed([
    hasSucceeded && link._tag === "Up" ? { ...state, link: { ...link, hasSucceeded } } : state,
    Array.from(reports, ([run, all]) => ({ _tag: "Report", run, reports: all }))
  ])
}
