/**
 * The workers of a remote host, independent of its protocol. The workers outlive connections: when one breaks, the
 * tasks of the host are lost, and it is reconnected after the delays of a schedule.
 *
 * A worker does one task at a time, so a host with n threads is n workers over one connection.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { constVoid } from "effect/Function"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../../network/Monotonic.ts"
import * as InFlight from "../InFlight.ts"
import type { Task, TaskOutcome, Worker } from "../Worker.ts"
import * as HostLink from "./HostLink.ts"

/** Applies outcomes. Fails for an unknown task id, in which case none are applied. */
export type OnOutcomes = (outcomes: ReadonlyArray<TaskOutcome>) => Result.Result<void, HostLink.UnknownTask>

/** Receives the ids of tasks that the host has begun or works on; those that are not in flight any more are ignored. */
export type OnWorking = (ids: ReadonlyArray<number>) => void

/** The reason why a connection failed. */
export interface ConnectionFailure {
  readonly message: string
  /** True if another attempt would fail in the same way. */
  readonly isPermanent: boolean
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
  /** True if the host reports the begin of each task. */
  readonly reportsEachBegin: boolean
  /** Receives and sends until the connection fails. It must be called at any sign of life. */
  readonly serve: (onOutcomes: OnOutcomes, onWorking: OnWorking) => Effect.Effect<never, ConnectionFailure>
}

/** A change in the connection to a host. @category models @since 0.1.0 */
export type Event =
  /** `again`: the connection was lost before. */
  | { readonly _tag: "Connected"; readonly host: string; readonly threads: number; readonly again: boolean }
  /** The first connection failed, or the host runs another job: the pool does without it. */
  | { readonly _tag: "Ignored"; readonly host: string; readonly message: string }
  /** The connection failed: the host's packets go to other workers, and it is reconnected. */
  | { readonly _tag: "Lost"; readonly host: string; readonly message: string }
  /** The host failed permanently: it is not reconnected. */
  | { readonly _tag: "Gone"; readonly host: string; readonly message: string }

/** The parameters of a remote host. */
export interface Options<R> {
  readonly name: string
  readonly job: Worker["job"]
  readonly open: Effect.Effect<HostConnection, ConnectionFailure, R | Scope.Scope>
  /** The time in which the host must end cancelled tasks. */
  readonly leaseMillis: number
  /** The delays before reconnecting; at its end the host is given up. It restarts after a successful task. */
  readonly reconnect: Schedule.Schedule<unknown>
  readonly publish: (event: Event) => Effect.Effect<void>
}

/** The bytes of packets at a thread of a host up to which it is sent more than two. */
const windowBytes = 1 << 20

/** The time that the end of a run waits for the host to stop its tasks. */
const drainTimeoutMillis = 500

/** The time between two signs of life to all runs, whose tasks may wait for those of others. */
const signOfLifeMillis = 1_000

const transientFailure = (message: string): ConnectionFailure => ({ message, isPermanent: false })

/**
 * Runs sessions until one fails permanently, or the schedule ends. A session fails, or succeeds with its failure after
 * it did some work: the schedule then begins anew.
 */
const reconnecting = <R>(
  session: Effect.Effect<ConnectionFailure, ConnectionFailure, R>,
  schedule: Schedule.Schedule<unknown>,
  failure: ConnectionFailure
): Effect.Effect<never, ConnectionFailure, R> =>
  Effect.suspend(() => {
    // The failure before takes the place of a first attempt, so that a delay precedes the first session.
    let next: typeof session = Effect.fail(failure)
    const attempt = Effect.suspend(() => {
      const current = next
      next = session
      return current
    })
    return Effect.retry(attempt, { schedule, while: ({ isPermanent }) => !isPermanent })
  }).pipe(Effect.flatMap((ended) => reconnecting(session, schedule, ended)))

const workerNames = (host: string, threads: number): ReadonlyArray<string> =>
  threads === 1 ? [host] : Array.from({ length: threads }, (_, index) => `${host} #${index + 1}`)

const workerOf = (
  properties: Omit<Worker, "attach" | "run" | "cancel">,
  host: {
    readonly send: (event: HostLink.Event) => void
    readonly detach: (run: HostLink.Run) => Effect.Effect<unknown>
    readonly now: () => number
  }
): Worker => {
  let run: HostLink.Run = { report: constVoid }
  const attach = (report: HostLink.Run["report"]) =>
    Effect.sync(() => {
      run = { report }
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

/** Connects to a host until the scope closes. Fails if the first connection fails. */
export const make = Effect.fnUntraced(function* <R>(
  options: Options<R>
): Effect.fn.Return<ReadonlyArray<Worker>, ConnectionFailure, R | Scope.Scope> {
  const { job, leaseMillis, name, open, publish, reconnect } = options
  const now = yield* Monotonic.millis
  const firstConnection = yield* Deferred.make<HostConnection, ConnectionFailure>()
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
  const onWorking: OnWorking = (ids) => {
    const isDue = now() - aliveAt >= signOfLifeMillis
    if (isDue) aliveAt = now()
    if (ids.length > 0 || isDue) apply(HostLink.applyWorking(state, ids, isDue))
  }

  const failIfOverdue = Effect.suspend(() =>
    InFlight.isOverdue(state.inFlight, now(), leaseMillis)
      ? Effect.fail(transientFailure(`cancelled packets did not end within ${leaseMillis / 1_000} s`))
      : Effect.void
  )
  const watchdog = Effect.forever(Effect.andThen(Effect.sleep(leaseMillis / 4), failIfOverdue))

  const serve = Effect.fnUntraced(function* (newConnection: HostConnection) {
    connection = newConnection
    send({ _tag: "Connected" })
    const isFirst = yield* Deferred.succeed(firstConnection, newConnection)
    yield* publish({ _tag: "Connected", host: name, threads: newConnection.threads, again: !isFirst })
    return yield* Effect.raceFirst(newConnection.serve(onOutcomes, onWorking), watchdog)
  })
  /** Fails with the failure of the connection, or succeeds with it if a task was done. */
  const endSession = Effect.fnUntraced(function* (failure: ConnectionFailure) {
    const { link } = state
    send({ _tag: "Failed", message: failure.message })
    if (link._tag === "Up") yield* publish({ _tag: "Lost", host: name, message: failure.message })
    return yield* link._tag === "Up" && link.hasSucceeded ? Effect.succeed(failure) : Effect.fail(failure)
  })
  const session = Effect.scoped(Effect.flatMap(open, serve)).pipe(
    Effect.catch(endSession),
    Effect.withSpan("RemoteHost.session", { attributes: { host: name } })
  )

  const keepConnected = Effect.gen(function* () {
    const failure = yield* Effect.catch(session, Effect.succeed)
    if (yield* Deferred.fail(firstConnection, failure)) return
    const { message } = yield* Effect.flip(reconnecting(session, reconnect, failure))
    send({ _tag: "GivenUp", message })
    yield* publish({ _tag: "Gone", host: name, message })
  })
  yield* Effect.forkScoped(keepConnected)

  const { capacity, latencyMillis, maxPacketBytes, reportsEachBegin, threads } = yield* Deferred.await(firstConnection)
  const drainMillis = Math.min(leaseMillis, drainTimeoutMillis)
  const detach = (run: HostLink.Run) =>
    Effect.suspend(() => {
      send({ _tag: "Detach", run, now: now() })
      return InFlight.idle(state.inFlight, (task) => task.run === run)
    }).pipe(Effect.interruptible, Effect.timeoutOption(drainMillis))
  const properties = { host: name, job, capacity, latencyMillis, maxPacketBytes, windowBytes, reportsEachBegin }
  return workerNames(name, threads).map((name) => workerOf({ ...properties, name }, { send, detach, now }))
})
