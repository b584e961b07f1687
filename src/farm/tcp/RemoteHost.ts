/**
 * The workers of a remote host, independent of its protocol. The workers outlive connections: when one breaks, the
 * tasks of the host are lost, and it is reconnected after the delays of a schedule, as is one that is down at first.
 *
 * A worker does one task at a time, so a host with n threads is n workers over one connection. If it has more threads
 * after a restart, more workers join; if it has fewer, some are lost.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { constVoid } from "effect/Function"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../../network/Monotonic.ts"
import * as Signal from "../../network/Signal.ts"
import * as EventLoopDelay from "../../process/EventLoopDelay.ts"
import * as InFlight from "../InFlight.ts"
import type { Task, TaskOutcome, Worker } from "../Worker.ts"
import * as HostLink from "./HostLink.ts"

/** Applies outcomes. Fails for an unknown task id, in which case none are applied. */
export type OnOutcomes = (outcomes: ReadonlyArray<TaskOutcome>) => Result.Result<void, HostLink.UnknownTask>

/** Receives the ids of tasks that the host has begun or works on; those that are not in flight any more are ignored. */
export type OnWorking = (ids: ReadonlyArray<number>) => void

/** Receives the number of threads of the host when it has more than before. */
export type OnThreads = (threads: number) => void

/** The reason why a connection failed. */
export interface ConnectionFailure {
  readonly message: string
  /** True if another attempt would fail in the same way. */
  readonly isPermanent: boolean
  /**
   * True for a refusal that the host has not authenticated, although it should: altered bytes may be its cause. It is
   * permanent once it was the same three times in a row. Default false.
   */
  readonly isUnproven?: boolean | undefined
}

/** A connection to a host after the handshake. */
export interface HostConnection {
  readonly threads: number
  /** The tasks in flight for each thread. */
  readonly capacity: number
  /** The round-trip time. */
  readonly latencyMillis: number
  /** The most bytes in a packet, and in a result. Default: no limit. */
  readonly maxPacketBytes?: number | undefined
  /** Sends tasks; returns the outcomes of those that cannot be sent. */
  readonly send: (tasks: ReadonlyArray<Task>) => ReadonlyArray<TaskOutcome>
  readonly cancel: (ids: ReadonlyArray<number>) => void
  /**
   * Returns true while a long message is on its way in either direction, behind which cancels and outcomes wait.
   * Default: false.
   */
  readonly isTransferring?: (() => boolean) | undefined
  /** True if the host reports the begin of each task. */
  readonly reportsEachBegin: boolean
  /** Receives and sends until the connection fails. It must be called at any sign of life. */
  readonly serve: (
    onOutcomes: OnOutcomes,
    onWorking: OnWorking,
    onThreads: OnThreads
  ) => Effect.Effect<never, ConnectionFailure>
}

/** A change in the connection to a host. @category models @since 0.1.0 */
export type Event =
  /** `again`: the connection was lost before. */
  | { readonly _tag: "Connected"; readonly host: string; readonly threads: number; readonly again: boolean }
  /** The first attempt to connect failed, and is repeated. */
  | { readonly _tag: "Unreachable"; readonly host: string; readonly message: string }
  /** The connection failed: the host's packets go to other workers, and it is reconnected. */
  | { readonly _tag: "Lost"; readonly host: string; readonly message: string }
  /** The host can never be used, such as one that runs another job, or the delays have ended: it is given up. */
  | { readonly _tag: "Gone"; readonly host: string; readonly message: string }
  /** The host is not in the list any more, or its name does not have the address any more. */
  | { readonly _tag: "Left"; readonly host: string; readonly message: string }

/** The parameters of a remote host. */
export interface Options<R> {
  readonly name: string
  readonly job: Worker["job"]
  readonly open: Effect.Effect<HostConnection, ConnectionFailure, R | Scope.Scope>
  /** The time in which the host must end cancelled tasks. */
  readonly leaseMillis: number
  /**
   * The delays before connecting again; at its end the host is given up. It restarts after a connection that was of
   * use: see `HostLink.wasUseful`.
   */
  readonly reconnect: Schedule.Schedule<unknown>
  readonly publish: (event: Event) => Effect.Effect<void>
  /** Receives workers after the first connection, and after one with more threads than any before. */
  readonly join: (workers: ReadonlyArray<Worker>) => Effect.Effect<void>
  /** Receives the reason of each failed connection and attempt. */
  readonly onFailure: (message: string) => void
  /** Returns false once the host is to leave at the end of its connection. */
  readonly isWanted: () => boolean
  /** Completes when the host is to leave at once. */
  readonly removed: Effect.Effect<void>
}

/** The end of a host: `Gone` or `Left`, as in the event. */
export type Ending = Extract<Event, { readonly _tag: "Gone" | "Left" }>

/** The bytes of packets at a thread of a host up to which it is sent more than two. */
const windowBytes = 1 << 20

/** The time that the end of a run waits for the host to stop its tasks. */
const drainTimeoutMillis = 500

/** The time between two signs of life to all runs, whose tasks may wait for those of others. */
const signOfLifeMillis = 1_000

/** The time after which a connection counts as a success, although no task was done: one task may take longer. */
const stableMillis = 10_000

const transientFailure = (message: string): ConnectionFailure => ({ message, isPermanent: false })

/**
 * Runs sessions until one fails permanently, the schedule ends, or the host is not wanted any more. A session fails, or
 * succeeds with its failure after it did some work: the schedule then begins anew.
 */
const reconnecting = <R>(
  session: Effect.Effect<ConnectionFailure, ConnectionFailure, R>,
  { isWanted, reconnect }: Pick<Options<R>, "isWanted" | "reconnect">,
  failure: ConnectionFailure
): Effect.Effect<ConnectionFailure, never, R> =>
  Effect.suspend(() => {
    // The failure before takes the place of a first attempt, so that a delay precedes the first session.
    let next: typeof session = Effect.fail(failure)
    const attempt = Effect.suspend(() => {
      const current = next
      next = session
      return current
    })
    return Effect.retry(attempt, { schedule: reconnect, while: ({ isPermanent }) => !isPermanent && isWanted() })
  }).pipe(
    Effect.matchEffect({
      onFailure: Effect.succeed,
      onSuccess: (ended) => reconnecting(session, { isWanted, reconnect }, ended)
    })
  )

/** The equal refusals in a row that are believed, although the host has not authenticated them. */
const believedRefusals = 3

/** Returns a function that makes an unproven refusal permanent once it was the same several times in a row. */
const makeBelief = () => {
  let refusal: string | undefined
  let count = 0
  return (failure: ConnectionFailure): ConnectionFailure => {
    const { isUnproven = false, message } = failure
    count = isUnproven && message === refusal ? count + 1 : 1
    refusal = isUnproven ? message : undefined
    return isUnproven && count >= believedRefusals ? { message, isPermanent: true } : failure
  }
}

const workerName = (host: string, thread: number, threads: number) =>
  threads === 1 && thread === 0 ? host : `${host} #${thread + 1}`

const workerOf = (
  properties: Omit<Worker, "attach" | "run" | "cancel">,
  thread: number,
  host: {
    readonly send: (event: HostLink.Event) => void
    readonly detach: (run: HostLink.Run) => Effect.Effect<unknown>
    readonly now: () => number
  }
): Worker => {
  let run: HostLink.Run = { thread, report: constVoid }
  const attach = (report: HostLink.Run["report"]) =>
    Effect.sync(() => {
      run = { thread, report }
      host.send({ _tag: "Attach", run })
      return run
    })
  return {
    ...properties,
    attach: (report) => Effect.acquireRelease(attach(report), host.detach),
    run: (tasks) => host.send({ _tag: "Run", run, tasks }),
    cancel: (ids) => host.send({ _tag: "Cancel", run, ids, now: host.now() })
  }
}

/** The state of a host, and the functions through which its connections and its workers change it. */
interface Host {
  readonly now: () => number
  readonly state: () => HostLink.State
  readonly send: (event: HostLink.Event) => void
  readonly onOutcomes: OnOutcomes
  readonly onWorking: OnWorking
  /** Sends to this connection from now on. */
  readonly use: (connection: HostConnection) => void
  /** Returns true if the reconnect schedule begins anew after the connection. */
  readonly wasUseful: () => boolean
  /** Ends the run of a worker: cancels its tasks, and waits some time for their end. */
  readonly detach: (run: HostLink.Run) => Effect.Effect<unknown>
}

const makeHost = Effect.fnUntraced(function* (leaseMillis: number) {
  const now = yield* Monotonic.millis
  const runFork = yield* FiberSet.makeRuntime<never>()
  let state = HostLink.initial()
  let connection: HostConnection | undefined

  const perform = (action: HostLink.Action) => {
    if (action._tag === "Report") return action.run.report(action.reports)
    if (action._tag === "Cancel") return connection?.cancel(action.ids)
    const unsent = connection?.send(action.tasks) ?? []
    if (unsent.length === 0) return
    runFork(
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => onOutcomes(unsent))
      )
    )
  }
  const apply = ([next, actions]: HostLink.Transition) => {
    state = next
    actions.forEach(perform)
  }
  const send = (event: HostLink.Event) => apply(HostLink.step(state, event))
  const onOutcomes: OnOutcomes = (outcomes) => Result.map(HostLink.applyOutcomes(state, outcomes), apply)
  let aliveAt = now()
  let connectedAt = aliveAt
  let heardAt = aliveAt
  const drainMillis = Math.min(leaseMillis, drainTimeoutMillis)
  const host: Host = {
    now,
    state: () => state,
    send,
    onOutcomes,
    onWorking: (ids) => {
      heardAt = now()
      const isSignOfLife = heardAt - aliveAt >= signOfLifeMillis
      if (isSignOfLife) aliveAt = heardAt
      if (ids.length > 0 || isSignOfLife) apply(HostLink.applyWorking(state, ids, { isSignOfLife, now: heardAt }))
    },
    use: (newConnection) => {
      connection = newConnection
      connectedAt = heardAt = now()
    },
    wasUseful: () => HostLink.wasUseful(state, { connectedAt, heardAt, now: now(), leaseMillis, stableMillis }),
    detach: (run) =>
      Effect.suspend(() => {
        send({ _tag: "Detach", run, now: now() })
        return InFlight.idle(state.inFlight, (task) => task.run === run)
      }).pipe(Effect.interruptible, Effect.timeoutOption(drainMillis))
  }
  return host
})

/** Makes the effect of one connection, from the attempt to its failure. */
const makeSession = <R>(options: Options<R>, host: Host) => {
  const { job, join, leaseMillis, name, onFailure, open, publish } = options
  let workerCount = 0

  const checkMillis = leaseMillis / 4
  const failIfOverdue = ({ isTransferring }: HostConnection, delay: EventLoopDelay.EventLoopDelay) =>
    Effect.suspend(() => {
      const { inFlight } = host.state()
      const uncountedMillis = delay.take() + (isTransferring?.() === true ? checkMillis : 0)
      if (uncountedMillis > 0) InFlight.postpone(inFlight, uncountedMillis, host.now())
      return InFlight.isOverdue(inFlight, host.now(), leaseMillis)
        ? Effect.fail(transientFailure(`cancelled packets did not end within ${leaseMillis / 1_000} s`))
        : Effect.void
    })
  const watchdog = (connection: HostConnection) => {
    const delay = EventLoopDelay.make(leaseMillis, host.now)
    return Effect.forever(Effect.andThen(Effect.sleep(checkMillis), failIfOverdue(connection, delay)))
  }

  /** Makes the workers of the threads that no connection before had. */
  const newWorkers = ({ capacity, latencyMillis, maxPacketBytes, reportsEachBegin, threads }: HostConnection) => {
    const properties = { host: name, job, capacity, latencyMillis, maxPacketBytes, windowBytes, reportsEachBegin }
    const first = workerCount
    workerCount = Math.max(workerCount, threads)
    return Array.from({ length: workerCount - first }, (_, index) => {
      const thread = first + index
      return workerOf({ ...properties, name: workerName(name, thread, threads) }, thread, host)
    })
  }
  const joinNew = (connection: HostConnection) => {
    const workers = newWorkers(connection)
    return workers.length > 0 ? join(workers) : Effect.void
  }
  const serve = Effect.fnUntraced(function* (connection: HostConnection) {
    const { threads } = connection
    const again = workerCount > 0
    host.use(connection)
    host.send({ _tag: "Connected", threads })
    yield* publish({ _tag: "Connected", host: name, threads, again })
    yield* joinNew(connection)
    const hasGrown = Signal.make()
    let current = threads
    const grow = Effect.suspend(() => {
      host.send({ _tag: "Grown", threads: current })
      return joinNew({ ...connection, threads: current })
    })
    const serving = connection.serve(host.onOutcomes, host.onWorking, (more) => {
      current = more
      hasGrown.notify()
    })
    return yield* Effect.raceAllFirst([
      serving,
      watchdog(connection),
      Effect.forever(Effect.andThen(hasGrown.wait, grow))
    ])
  })
  /** Fails with the failure of the connection, or succeeds with it if the connection was of use. */
  const end = Effect.fnUntraced(function* (failure: ConnectionFailure) {
    const { link } = host.state()
    const wasUseful = host.wasUseful()
    host.send({ _tag: "Failed", message: failure.message })
    onFailure(failure.message)
    if (link._tag === "Up") yield* publish({ _tag: "Lost", host: name, message: failure.message })
    return yield* wasUseful ? Effect.succeed(failure) : Effect.fail(failure)
  })
  const session = Effect.scoped(Effect.flatMap(open, serve)).pipe(
    Effect.mapError(makeBelief()),
    Effect.catch(end),
    Effect.withSpan("RemoteHost.session", { attributes: { host: name } })
  )
  return { session, hasConnected: () => workerCount > 0 }
}

/** Returns the schedule, which publishes the first failure before its delay, unless no attempt follows. */
export const announcing = (
  reconnect: Schedule.Schedule<unknown>,
  { name, publish }: Pick<Options<never>, "name" | "publish">,
  failureOf: () => ConnectionFailure
): Schedule.Schedule<unknown> => {
  let isAnnounced = false
  return Schedule.tap(reconnect, () =>
    Effect.suspend(() => {
      const { isPermanent, message } = failureOf()
      // A retry consults the schedule before its condition.
      if (isAnnounced || isPermanent) return Effect.void
      isAnnounced = true
      return publish({ _tag: "Unreachable", host: name, message })
    })
  )
}

/**
 * Connects to a host, again and again, until it is given up or leaves: its workers are gone then. Returns the event
 * that says so, which is published as well.
 */
export const run = Effect.fnUntraced(function* <R>(
  options: Options<R>
): Effect.fn.Return<Ending, never, R | Scope.Scope> {
  const { isWanted, name, publish, reconnect, removed } = options
  const host = yield* makeHost(options.leaseMillis)
  const { hasConnected, session } = makeSession(options, host)
  const connecting = Effect.gen(function* () {
    const failure = yield* Effect.catch(session, Effect.succeed)
    const schedule = hasConnected() ? reconnect : announcing(reconnect, options, () => failure)
    const { message } = yield* reconnecting(session, { isWanted, reconnect: schedule }, failure)
    return isWanted() ? endingOf("Gone", name, message) : endingOf("Left", name, "its name has this address no more")
  })
  const leaving = Effect.as(removed, endingOf("Left", name, "removed from the list of hosts"))
  const ending = yield* Effect.raceFirst(connecting, leaving)
  host.send({ _tag: "GivenUp", message: ending.message })
  yield* publish(ending)
  return ending
}, Effect.scoped)

const endingOf = (_tag: Ending["_tag"], host: string, message: string): Ending => ({ _tag, host, message })
