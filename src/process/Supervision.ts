/**
 * The supervision of a group of workers, threads or child processes, as a state machine. Pure: time is an argument.
 *
 * The group keeps `target` workers. A worker is starting until it is ready. During the start of the group the first
 * failure of a worker fails the start; afterwards a worker that ends is replaced, after a delay that doubles with each
 * failure in a row. One that ends at work is replaced at once. Each worker has a delay of its own: one that fails again
 * and again delays no other. A worker that is not ready in time, or that misses its heartbeats, is killed.
 *
 * A detached worker serves one client until it ends; another takes its place in the target at once.
 */

import type * as Heartbeat from "./Heartbeat.ts"
import * as Vacancies from "./Vacancies.ts"

/** The limits of a group. */
export interface Policy extends Vacancies.Delays {
  /** Time that a worker has to become ready. */
  readonly startTimeoutMillis: number
  /** Uptime after which the end of a worker does not count as a repeated failure. */
  readonly stableUptimeMillis: number
  /** Most failures in a row of workers without work; one more and the group is given up. Default: no limit. */
  readonly maxIdleFailures?: number | undefined
  /** Default: workers are not asked whether they still respond. */
  readonly heartbeat?: Heartbeat.Heartbeat | undefined
}

/** The policy of the services: 30 s to start, delays from 100 ms to 10 s, reset after 10 s. */
export const defaultPolicy: Policy = {
  startTimeoutMillis: 30_000,
  initialRestartDelayMillis: 100,
  maxRestartDelayMillis: 10_000,
  stableUptimeMillis: 10_000
}

/** The phase of a worker. A `detached` worker has its last client. A `killed` worker has not ended yet. */
type WorkerPhase = "starting" | "ready" | "detached" | "draining" | "killed"

/** The record of a worker. */
export interface WorkerState {
  readonly phase: WorkerPhase
  readonly startMillis: number
  /** True once the worker has been ready. */
  readonly wasReady: boolean
  /** True once the worker was detached: it does not count for the target, and its end is expected. */
  readonly wasDetached: boolean
  /** Pings since the last answer. */
  readonly unansweredPings: number
  /** Failures in a row, without work, of the workers that this one replaces. */
  readonly failures: number
  /** The reason for which the worker was killed. */
  readonly killReason: string | undefined
}

/** The phase of a group. The last three are final: no worker is started any more. */
type GroupPhase = "starting" | "running" | "draining" | "closed" | "failed"

/** The state of a group. */
export interface State {
  readonly phase: GroupPhase
  readonly target: number
  readonly workers: ReadonlyMap<number, WorkerState>
  readonly nextId: number
  /** Workers of the target that failed and wait for their replacement, in the order of its time. */
  readonly vacancies: Vacancies.Vacancies
  /** Failures in a row of workers without work. */
  readonly idleFailures: number
  readonly drainDeadlineMillis: number | undefined
  readonly nextPingAtMillis: number | undefined
}

/** An event of a group. Events of a worker that has ended are ignored. */
export type Event =
  /** Starts workers up to the number; the group is starting until all are ready. */
  | { readonly _tag: "Start"; readonly target: number }
  /** Changes the number of workers. Excess workers are not ended. */
  | { readonly _tag: "Resize"; readonly target: number }
  | { readonly _tag: "Ready"; readonly id: number }
  /** The worker has done some work: failures before this are not repeated failures. */
  | { readonly _tag: "Progress"; readonly id: number }
  /** The worker has its last client; its end is expected. */
  | { readonly _tag: "Detach"; readonly id: number }
  | { readonly _tag: "Kill"; readonly id: number; readonly reason: string }
  | { readonly _tag: "Ended"; readonly id: number; readonly reason: string; readonly hadWork: boolean }
  /** The driver has received a message of a worker with unanswered pings. */
  | { readonly _tag: "Answered"; readonly id: number }
  /** The time of `deadline` has come. */
  | { readonly _tag: "Tick" }
  /** In a final phase it only repeats `AllEnded` if no worker is left. */
  | { readonly _tag: "Drain"; readonly timeoutMillis: number }
  | { readonly _tag: "Close" }

/** A change that the owner of the group is notified of. */
export type Notice =
  /** The start of the group has succeeded: as many workers as wanted are ready. */
  | { readonly _tag: "Started" }
  /** The start has failed, also by a drain or close meanwhile. Workers are killed, or at a drain asked to drain. */
  | { readonly _tag: "StartFailed"; readonly reason: string }
  /** A worker does not answer pings. */
  | { readonly _tag: "Unresponsive"; readonly id: number }
  /** A worker has ended. It has not failed if the group is in a final phase, or if it was detached and not killed. */
  | {
      readonly _tag: "WorkerEnded"
      readonly id: number
      readonly reason: string
      readonly wasReady: boolean
      readonly wasDetached: boolean
      readonly isFailure: boolean
    }
  /** Workers have failed too often: none is started any more. */
  | { readonly _tag: "GivenUp"; readonly reason: string }
  /** The group is draining or closed, and has no workers; or a failed group was closed or drained afterwards. */
  | { readonly _tag: "AllEnded" }

/** A request to the driver. */
export type Action =
  | { readonly _tag: "Spawn" | "Kill" | "RequestDrain" | "Ping"; readonly id: number }
  | { readonly _tag: "Notify"; readonly notice: Notice }

/** The next state, and the actions to perform. */
export type Transition = readonly [state: State, actions: ReadonlyArray<Action>]

/** A group without workers. Its first event is `Start`, which also starts the heartbeat. */
export const initial: State = {
  phase: "running",
  target: 0,
  workers: new Map(),
  nextId: 1,
  vacancies: [],
  idleFailures: 0,
  drainDeadlineMillis: undefined,
  nextPingAtMillis: undefined
}

const notify = (notice: Notice): Action => ({ _tag: "Notify", notice })

/** Returns whether the worker can take work: it is ready and answers pings. */
export const isAvailable = (policy: Policy, { phase, unansweredPings }: WorkerState) =>
  phase === "ready" && unansweredPings <= (policy.heartbeat?.unresponsiveAfterPings ?? Number.POSITIVE_INFINITY)

/** Returns whether the worker counts for the target. A killed one does until it has ended. */
const isCounted = ({ wasDetached }: WorkerState) => !wasDetached

const isFinal = ({ phase }: State) => phase !== "starting" && phase !== "running"

const withWorker = (state: State, id: number, change: Partial<WorkerState>): State => {
  const worker = state.workers.get(id)
  return worker === undefined ? state : { ...state, workers: new Map(state.workers).set(id, { ...worker, ...change }) }
}

/** Runs a transition after another, and joins their actions. */
const andThen = ([state, actions]: Transition, next: (state: State) => Transition): Transition => {
  const [after, more] = next(state)
  return [after, [...actions, ...more]]
}

const kill =
  (ids: Iterable<number>, reason: string) =>
  (state: State): Transition => {
    const alive = [...ids].filter((id) => (state.workers.get(id)?.phase ?? "killed") !== "killed")
    return [
      alive.reduce((next, id) => withWorker(next, id, { phase: "killed", killReason: reason }), state),
      alive.map((id) => ({ _tag: "Kill", id }))
    ]
  }

/** Starts a worker for each number of failures before it. */
const startWorkers =
  (failures: ReadonlyArray<number>, now: number) =>
  (state: State): Transition => {
    const { nextId } = state
    const workers = new Map(state.workers)
    for (const [at, before] of failures.entries()) {
      workers.set(nextId + at, {
        phase: "starting",
        startMillis: now,
        wasReady: false,
        wasDetached: false,
        unansweredPings: 0,
        failures: before,
        killReason: undefined
      })
    }
    const spawns = failures.map((_, at) => ({ _tag: "Spawn", id: nextId + at }) as const)
    return [{ ...state, workers, nextId: nextId + failures.length }, spawns]
  }

/** Starts workers up to the target; those that have failed wait for their time. Drops vacancies beyond the target. */
const refill =
  (now: number) =>
  (state: State): Transition => {
    if (isFinal(state)) return [state, []]
    const wanted = Math.max(0, state.target - [...state.workers.values()].filter(isCounted).length)
    const vacancies = state.vacancies.slice(0, wanted)
    const fresh = Array.from({ length: wanted - vacancies.length }, () => 0)
    return startWorkers(fresh, now)({ ...state, vacancies })
  }

/** Replaces the failed workers whose time has come. */
const replaceDue =
  (now: number) =>
  (state: State): Transition => {
    const [due, vacancies] = Vacancies.takeDue(state.vacancies, now)
    return due.length === 0 ? [state, []] : startWorkers(due, now)({ ...state, vacancies })
  }

/** Ends the start of the group once as many workers as wanted are ready. */
const finishStart = (state: State): Transition => {
  const ready = [...state.workers.values()].filter(({ phase }) => phase === "ready").length
  return state.phase === "starting" && ready >= state.target
    ? [{ ...state, phase: "running" }, [notify({ _tag: "Started" })]]
    : [state, []]
}

const finishEnd = (state: State): Transition => [
  state,
  isFinal(state) && state.workers.size === 0 ? [notify({ _tag: "AllEnded" })] : []
]

/** Ends the supervision: no worker is started any more. The start of the group fails if it is not complete. */
const finalize =
  (phase: "draining" | "closed" | "failed", reason: string) =>
  (state: State): Transition => [
    { ...state, phase, vacancies: [] },
    state.phase === "starting" ? [notify({ _tag: "StartFailed", reason })] : []
  ]

const failStart =
  (reason: string) =>
  (state: State): Transition =>
    andThen(finalize("failed", reason)(state), kill(state.workers.keys(), reason))

/** Counts the failure of a worker, and delays its replacement or gives the group up. One with work is not counted. */
const countFailure =
  (policy: Policy, now: number, worker: WorkerState, reason: string, hadWork: boolean) =>
  (state: State): Transition => {
    if (hadWork) return refill(now)({ ...state, idleFailures: 0 })
    const isStable = now - worker.startMillis >= policy.stableUptimeMillis
    const failures = isStable ? 0 : worker.failures + 1
    const idleFailures = isStable ? 0 : state.idleFailures + 1
    if (idleFailures > (policy.maxIdleFailures ?? Number.POSITIVE_INFINITY)) {
      const [failed] = finalize("failed", reason)({ ...state, idleFailures })
      return andThen([failed, [notify({ _tag: "GivenUp", reason })]], kill(state.workers.keys(), reason))
    }
    const vacancies = Vacancies.add(policy, state.vacancies, failures, now)
    return refill(now)({ ...state, idleFailures, vacancies })
  }

const onEnded = (
  policy: Policy,
  state: State,
  { hadWork, id, reason: exitReason }: Extract<Event, { readonly _tag: "Ended" }>,
  now: number
): Transition => {
  const worker = state.workers.get(id)
  if (worker === undefined) return [state, []]
  const workers = new Map(state.workers)
  workers.delete(id)
  const reason = worker.killReason ?? exitReason
  const { wasDetached, wasReady } = worker
  const isExpected = isFinal(state) || (wasDetached && worker.killReason === undefined)
  const ended = notify({ _tag: "WorkerEnded", id, reason, wasReady, wasDetached, isFailure: !isExpected })
  const after: Transition = [{ ...state, workers }, [ended]]
  if (isFinal(state)) return andThen(after, finishEnd)
  if (wasDetached) return andThen(after, refill(now))
  return state.phase === "starting"
    ? andThen(after, failStart(reason))
    : andThen(after, countFailure(policy, now, worker, reason, hadWork))
}

const killOverdueStarts =
  (policy: Policy, now: number) =>
  (state: State): Transition => {
    const overdue = [...state.workers].filter(
      ([, { phase, startMillis }]) => phase === "starting" && now - startMillis >= policy.startTimeoutMillis
    )
    if (overdue.length === 0) return [state, []]
    const reason = `was not ready after ${policy.startTimeoutMillis / 1_000} s`
    return state.phase === "starting"
      ? failStart(reason)(state)
      : kill(
          overdue.map(([id]) => id),
          reason
        )(state)
  }

/** Pings the workers that answer, and kills those that have not answered too many pings. */
const pingAll =
  (heartbeat: Heartbeat.Heartbeat, now: number) =>
  (state: State): Transition => {
    const { intervalMillis, killAfterPings, unresponsiveAfterPings } = heartbeat
    const workers = new Map(state.workers)
    const actions: Array<Action> = []
    const dead: Array<number> = []
    for (const [id, worker] of workers) {
      if (worker.phase !== "ready" && worker.phase !== "detached") continue
      const missed = worker.unansweredPings
      if (missed === unresponsiveAfterPings) actions.push(notify({ _tag: "Unresponsive", id }))
      if (missed >= killAfterPings) dead.push(id)
      else actions.push({ _tag: "Ping", id })
      workers.set(id, { ...worker, unansweredPings: missed + 1 })
    }
    const reason = `did not respond for ${(killAfterPings * intervalMillis) / 1_000} s`
    return andThen([{ ...state, workers, nextPingAtMillis: now + intervalMillis }, actions], kill(dead, reason))
  }

const isDue = (at: number | undefined, now: number) => at !== undefined && now >= at

const onTick = (policy: Policy, state: State, now: number): Transition => {
  const { heartbeat } = policy
  const steps: ReadonlyArray<(state: State) => Transition> = [
    killOverdueStarts(policy, now),
    replaceDue(now),
    (next) =>
      isDue(next.drainDeadlineMillis, now)
        ? kill(next.workers.keys(), "did not drain in time")({ ...next, drainDeadlineMillis: undefined })
        : [next, []],
    (next) =>
      heartbeat !== undefined && isDue(next.nextPingAtMillis, now) ? pingAll(heartbeat, now)(next) : [next, []]
  ]
  return steps.reduce<Transition>((transition, run) => andThen(transition, run), [state, []])
}

const onDrain = (state: State, timeoutMillis: number, now: number): Transition => {
  if (isFinal(state)) return finishEnd(state)
  const idsIn = (...phases: ReadonlyArray<WorkerPhase>) =>
    [...state.workers].flatMap(([id, { phase }]) => (phases.includes(phase) ? [id] : []))
  const serving = idsIn("ready", "detached")
  const requestDrain = (next: State): Transition => [
    serving.reduce((drained, id) => withWorker(drained, id, { phase: "draining" }), next),
    serving.map((id) => ({ _tag: "RequestDrain", id }))
  ]
  const draining = finalize("draining", "was drained")({ ...state, drainDeadlineMillis: now + timeoutMillis })
  const requested = andThen(draining, requestDrain)
  return andThen(andThen(requested, kill(idsIn("starting"), "was not ready before the drain")), finishEnd)
}

/** Applies an event at a time in monotonic milliseconds. */
export const step = (policy: Policy, state: State, event: Event, now: number): Transition => {
  switch (event._tag) {
    case "Start":
      return isFinal(state)
        ? [state, [notify({ _tag: "StartFailed", reason: "was closed" })]]
        : andThen(
            refill(now)({
              ...state,
              phase: "starting",
              target: event.target,
              nextPingAtMillis: policy.heartbeat && now + policy.heartbeat.intervalMillis
            }),
            finishStart
          )
    case "Resize":
      return state.target === event.target
        ? [state, []]
        : andThen(refill(now)({ ...state, target: event.target }), finishStart)
    case "Ready":
      return state.workers.get(event.id)?.phase === "starting"
        ? finishStart(withWorker(state, event.id, { phase: "ready", wasReady: true }))
        : [state, []]
    case "Progress":
      return [withWorker({ ...state, idleFailures: 0 }, event.id, { failures: 0 }), []]
    case "Detach":
      return state.workers.get(event.id)?.phase === "ready"
        ? refill(now)(withWorker(state, event.id, { phase: "detached", wasDetached: true }))
        : [state, []]
    case "Kill":
      return kill([event.id], event.reason)(state)
    case "Ended":
      return onEnded(policy, state, event, now)
    case "Answered":
      return [withWorker(state, event.id, { unansweredPings: 0 }), []]
    case "Tick":
      return onTick(policy, state, now)
    case "Drain":
      return onDrain(state, event.timeoutMillis, now)
    case "Close":
      return andThen(
        andThen(
          finalize("closed", "was closed")({ ...state, drainDeadlineMillis: undefined }),
          kill(state.workers.keys(), "was closed")
        ),
        finishEnd
      )
  }
}

/** Returns the time of the next `Tick`; undefined if none is needed before another event. */
export const deadline = (policy: Policy, state: State): number | undefined => {
  const starts = [...state.workers.values()].flatMap(({ phase, startMillis }) =>
    phase === "starting" ? [startMillis + policy.startTimeoutMillis] : []
  )
  const isPinging = [...state.workers.values()].some(({ phase }) => phase === "ready" || phase === "detached")
  const others = [
    state.vacancies[0]?.restartAtMillis,
    state.workers.size > 0 ? state.drainDeadlineMillis : undefined,
    isPinging ? state.nextPingAtMillis : undefined
  ].flatMap((at) => (at === undefined ? [] : [at]))
  const all = [...starts, ...others]
  return all.length === 0 ? undefined : Math.min(...all)
}
