/**
 * The workers of a remote host, independent of its protocol. The workers outlive connections: when one breaks, the
 * tasks of the host are lost, and it is reconnected after the delays of a schedule.
 *
 * A worker does one task at a time, so a host with n threads is n workers over one connection.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../../network/Monotonic.ts"
import type { Report, Task, TaskOutcome, Worker } from "../Worker.ts"

/** Applies outcomes. Returns the first unknown task id, in which case none are applied. */
export type OnOutcomes = (outcomes: ReadonlyArray<TaskOutcome>) => number | undefined

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
  /** Sends tasks; returns the outcomes of those that cannot be sent. */
  readonly send: (tasks: ReadonlyArray<Task>) => ReadonlyArray<TaskOutcome>
  readonly cancel: (ids: ReadonlyArray<number>) => void
  /** Receives and sends until the connection fails. */
  readonly serve: (onOutcomes: OnOutcomes) => Effect.Effect<never, ConnectionFailure>
}

/** A change in the connection to a host. @category models @since 0.1.0 */
export type Event =
  | { readonly _tag: "Connected"; readonly host: string; readonly threads: number }
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
  readonly onEvent: (event: Event) => Effect.Effect<void>
}

type ReportListener = (reports: ReadonlyArray<Report>) => void

/** A task in flight. Its wire id is its key: two workers of a host may have the same packet. */
interface RemoteTask {
  readonly slot: WorkerSlot
  readonly listener: ReportListener
  readonly id: number
  cancelledAt: number | undefined
}

interface WorkerSlot {
  listener: ReportListener | undefined
  /** The wire id of each packet in flight. */
  readonly wireIds: Map<number, number>
  /** Called when no packet is in flight. */
  onIdle: () => void
}

/** The time that the end of a run waits for the host to stop its tasks. */
const drainTimeoutMillis = 500

const noop = () => {}

const transientFailure = (message: string): ConnectionFailure => ({ message, isPermanent: false })

/** Connects to a host until the scope closes. Fails if the first connection fails. */
export const make = Effect.fnUntraced(function* <R>(
  options: Options<R>
): Effect.fn.Return<ReadonlyArray<Worker>, ConnectionFailure, R | Scope.Scope> {
  const { job, leaseMillis, name, onEvent, open, reconnect } = options
  const now = yield* Monotonic.millis
  const firstConnection = yield* Deferred.make<HostConnection, ConnectionFailure>()
  const run = yield* FiberSet.makeRuntime<never>()
  const inFlight = new Map<number, RemoteTask>()
  const slots: Array<WorkerSlot> = []
  let connection: HostConnection | undefined
  let lastError = ""
  let isGone = false
  let hasSucceeded = false
  let nextWireId = 0

  const reportToAll = (report: Report) => {
    for (const { listener } of slots) listener?.([report])
  }

  const applyOutcomes: OnOutcomes = (outcomes) => {
    const reports = new Map<ReportListener, Array<Report>>()
    const seen = new Set<number>()
    const unknown = outcomes.find(({ id }) => !inFlight.has(id) || seen.size === seen.add(id).size)
    if (unknown !== undefined) return unknown.id
    for (const outcome of outcomes) {
      const { id, listener, slot } = inFlight.get(outcome.id)!
      inFlight.delete(outcome.id)
      if (outcome._tag === "Done") hasSucceeded = true
      if (slot.wireIds.get(id) === outcome.id) slot.wireIds.delete(id)
      if (slot.wireIds.size === 0) slot.onIdle()
      // The task may belong to an earlier run.
      if (slot.listener !== listener) continue
      const all = reports.get(listener) ?? []
      all.push({ ...outcome, id })
      reports.set(listener, all)
    }
    for (const [listener, all] of reports) listener(all)
    return undefined
  }

  const connectionLost = (message: string) => {
    inFlight.clear()
    for (const { onIdle, wireIds } of slots) {
      wireIds.clear()
      onIdle()
    }
    lastError = message
    connection = undefined
    reportToAll({ _tag: "Lost", message })
  }

  const failIfOverdue = Effect.suspend(() => {
    const time = now()
    const isOverdue = [...inFlight.values()].some(
      ({ cancelledAt }) => cancelledAt !== undefined && time - cancelledAt > leaseMillis
    )
    return isOverdue
      ? Effect.fail(transientFailure(`cancelled packets did not end within ${leaseMillis / 1_000} s`))
      : Effect.void
  })
  const watchdog = Effect.forever(Effect.andThen(Effect.sleep(leaseMillis / 4), failIfOverdue))

  const serveConnection = Effect.fnUntraced(function* (newConnection: HostConnection) {
    connection = newConnection
    reportToAll({ _tag: "Ready" })
    yield* onEvent({ _tag: "Connected", host: name, threads: newConnection.threads })
    yield* Deferred.succeed(firstConnection, newConnection)
    return yield* Effect.raceFirst(newConnection.serve(applyOutcomes), watchdog)
  })
  const connectAndServe = Effect.flip(Effect.scoped(Effect.flatMap(open, serveConnection)))

  const reconnectLoop = Effect.gen(function* () {
    let step = yield* Schedule.toStep(reconnect)
    let failure = yield* connectAndServe
    while (true) {
      if (yield* Deferred.fail(firstConnection, failure)) return
      if (connection !== undefined) {
        connectionLost(failure.message)
        yield* onEvent({ _tag: "Lost", host: name, message: failure.message })
      }
      if (hasSucceeded) step = yield* Schedule.toStep(reconnect)
      hasSucceeded = false
      lastError = failure.message
      const delay = failure.isPermanent
        ? undefined
        : yield* step(now(), undefined).pipe(
            Effect.map(([, after]) => after),
            Pull.catchDone(() => Effect.undefined)
          )
      if (delay === undefined) break
      yield* Effect.sleep(delay)
      failure = yield* connectAndServe
    }
    isGone = true
    reportToAll({ _tag: "Gone", message: lastError })
    yield* onEvent({ _tag: "Gone", host: name, message: lastError })
  })
  yield* Effect.forkScoped(reconnectLoop)

  const cancel = (slot: WorkerSlot, wanted: Iterable<number>) => {
    const wireIds: Array<number> = []
    for (const id of wanted) {
      const wireId = slot.wireIds.get(id)
      const remoteTask = wireId === undefined ? undefined : inFlight.get(wireId)
      if (remoteTask === undefined || remoteTask.cancelledAt !== undefined) continue
      remoteTask.cancelledAt = now()
      wireIds.push(wireId!)
    }
    if (wireIds.length > 0) connection?.cancel(wireIds)
  }

  const workerOf = (slot: WorkerSlot, workerName: string, { capacity, latencyMillis }: HostConnection): Worker => ({
    name: workerName,
    job,
    capacity,
    latencyMillis,
    attach: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          slot.listener = listener
          if (connection === undefined) listener([{ _tag: isGone ? "Gone" : "Lost", message: lastError }])
        }),
        () =>
          Effect.callback<void>((resume) => {
            slot.listener = undefined
            cancel(slot, [...slot.wireIds.keys()])
            slot.onIdle = () => resume(Effect.void)
            if (slot.wireIds.size === 0) slot.onIdle()
          }).pipe(
            Effect.interruptible,
            Effect.timeoutOption(Math.min(leaseMillis, drainTimeoutMillis)),
            Effect.map(() => {
              slot.wireIds.clear()
              slot.onIdle = noop
            })
          )
      ),
    run: (tasks) => {
      const { listener } = slot
      if (connection === undefined || listener === undefined) return
      const unsent = connection.send(
        tasks.map(({ id, packet }) => {
          const wireId = nextWireId++
          inFlight.set(wireId, { slot, listener, id, cancelledAt: undefined })
          slot.wireIds.set(id, wireId)
          return { id: wireId, packet }
        })
      )
      if (unsent.length > 0) {
        run(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => applyOutcomes(unsent))
          )
        )
      }
    },
    cancel: (wanted) => cancel(slot, wanted)
  })

  const first = yield* Deferred.await(firstConnection)
  return Array.from({ length: first.threads }, (_, index) => {
    const slot: WorkerSlot = { listener: undefined, wireIds: new Map(), onIdle: noop }
    slots.push(slot)
    return workerOf(slot, first.threads === 1 ? name : `${name} #${index + 1}`, first)
  })
})
