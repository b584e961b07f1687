/**
 * A host as workers of a farm, whatever it speaks: it outlives its connections. When one breaks, all that the host had
 * is lost, and it is connected again after a while, and after ever longer if nothing comes of it.
 *
 * A farm reckons with workers that do one thing at a time, so a host of n threads is n workers over one connection.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../../network/Monotonic.ts"
import type { Report, Task, TaskOutcome, Worker } from "../Worker.ts"

/** Is told how tasks ended; gives the id of one that nobody knows, and then nothing of these counts. */
export type OnOutcomes = (outcomes: ReadonlyArray<TaskOutcome>) => number | undefined

/** Why there is no connection. What is final will not be better next time. */
export interface ConnectionFailure {
  readonly message: string
  readonly isPermanent: boolean
}

/** A connection to a host that is ready. */
export interface HostConnection {
  readonly threads: number
  /** Packets for each thread. */
  readonly capacity: number
  /** Of a round trip, in milliseconds. */
  readonly latencyMillis: number
  /** Puts tasks on their way; gives the outcomes of those that cannot be sent. */
  readonly send: (tasks: ReadonlyArray<Task>) => ReadonlyArray<TaskOutcome>
  readonly cancel: (ids: ReadonlyArray<number>) => void
  /** Talks until the connection breaks. */
  readonly serve: (tell: OnOutcomes) => Effect.Effect<never, ConnectionFailure>
}

/** What happens to a host of a pool. @category models @since 0.1.0 */
export type Event =
  | { readonly _tag: "Connected"; readonly host: string; readonly threads: number }
  /** It could not be reached, or does not do this work; the others are used. */
  | { readonly _tag: "Ignored"; readonly host: string; readonly message: string }
  /** Its packets go to others while it is connected again. */
  | { readonly _tag: "Lost"; readonly host: string; readonly message: string }
  /** It is not tried any more. */
  | { readonly _tag: "Gone"; readonly host: string; readonly message: string }

/** What a host is made from. */
export interface Options<R> {
  readonly name: string
  readonly job: Worker["job"]
  readonly open: Effect.Effect<HostConnection, ConnectionFailure, R | Scope.Scope>
  /** Milliseconds that the host may take to end what was cancelled. */
  readonly leaseMillis: number
  /** The delays before it is connected again; its end is to give up. It begins anew when a result has come. */
  readonly reconnect: Schedule.Schedule<unknown>
  readonly onEvent: (event: Event) => Effect.Effect<void>
}

type ReportListener = (reports: ReadonlyArray<Report>) => void

/** A task on the wire, under an id of its own: two workers of a host may have the same packet. */
interface RemoteTask {
  readonly slot: WorkerSlot
  readonly listener: ReportListener
  readonly id: number
  cancelledAt: number | undefined
}

interface WorkerSlot {
  listener: ReportListener | undefined
  /** Packets at the host, and their ids on the wire. */
  readonly wireIds: Map<number, number>
  /** Is told when there are none. */
  onIdle: () => void
}

/** Milliseconds that the end of a run waits for a host to stop its work. */
const drainTimeoutMillis = 500

const noop = () => {}

const transientFailure = (message: string): ConnectionFailure => ({ message, isPermanent: false })

/** Connects to a host; it is let go of with the scope. Fails if the first connection does. */
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
      // The run that wanted it may be over.
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
    for (const { onIdle: emptied, wireIds } of slots) {
      wireIds.clear()
      emptied()
    }
    lastError = message
    connection = undefined
    reportToAll({ _tag: "Lost", message })
  }

  const failIfOverdue = Effect.suspend(() => {
    const time = now()
    const isOverdue = [...inFlight.values()].some(
      ({ cancelledAt: cancelled }) => cancelled !== undefined && time - cancelled > leaseMillis
    )
    return isOverdue
      ? Effect.fail(transientFailure(`it does not end what was cancelled ${leaseMillis / 1_000} s ago`))
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
      if (unsent.length > 0)
        run(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => applyOutcomes(unsent))
          )
        )
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
