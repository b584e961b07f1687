/** Runs instances of services beside each other: one that fails is started again by a schedule, the others go on. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as instanceState from "./instanceState.ts"

/** An instance of a service. */
export interface Instance<A, R> {
  readonly name: string
  /** Runs the server until it fails, and calls `ready` once it serves. An end without a failure counts as one. */
  readonly run: (ready: (running: A, address: string) => Effect.Effect<void>) => Effect.Effect<unknown, Failure, R>
}

/** A failure with a message for the operator, which does not name the instance. */
interface Failure {
  readonly message: string
}

/** The state of an instance, and its server while it is ready. */
export interface Supervised<A> extends instanceState.InstanceState {
  readonly name: string
  readonly running: A | undefined
}

/** The instances by name, in the order of their start. */
export type Table<A> = ReadonlyMap<string, Supervised<A>>

/** A group of instances that is changed while it runs. */
export interface Supervisor<A, R> {
  readonly instances: Effect.Effect<Table<A>>
  /** The changes of instances, each with the state after it. */
  readonly changes: Stream.Stream<Table<A>>
  /** Starts an instance. The effect waits until its first start has succeeded or failed. */
  readonly add: (instance: Instance<A, R>) => Effect.Effect<void, never, R>
  /** Stops an instance, and forgets it once it has ended. */
  readonly remove: (name: string) => Effect.Effect<void>
  /**
   * Ends an instance, also one that has failed for good, and starts it again. The effect waits until its first start
   * has succeeded or failed, and returns its state; the restart is completed if it is interrupted. Undefined: the
   * instance is unknown, or it is being restarted or stopped.
   */
  readonly restart: (name: string) => Effect.Effect<Supervised<A> | undefined>
}

/** Options of the supervision. */
export interface Options {
  /** Delays before an instance that has failed starts again. It is driven by the number of failures in a row. */
  readonly schedule: Schedule.Schedule<unknown, number>
}

/** The delays by default: from 500 ms, doubled up to 30 s, and changed by up to a fifth at random. */
export const backoff = (options: {
  readonly firstDelayMillis: number
  readonly maxDelayMillis: number
  readonly maxRestarts?: number | undefined
}): Schedule.Schedule<unknown, number> => {
  const { firstDelayMillis, maxDelayMillis, maxRestarts } = options
  const capped = Schedule.min([Schedule.exponential(firstDelayMillis), Schedule.spaced(maxDelayMillis)])
  const jittered = Schedule.jittered(capped)
  return maxRestarts === undefined ? jittered : Schedule.upTo(jittered, { times: maxRestarts })
}

const messageOf = (cause: Cause.Cause<Failure>) => {
  const error = Cause.squash(cause)
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error)
}

/** The state of a group. */
interface Group<A, R> extends Options {
  readonly table: SubscriptionRef.SubscriptionRef<Table<A>>
  readonly fibers: FiberMap.FiberMap<string>
  /** Restarts that an operator has asked for, until the instance has started. */
  readonly restarts: FiberMap.FiberMap<string>
  /** The instances that have been added and not removed. */
  readonly instances: Map<string, Instance<A, R>>
}

/** Applies an event to the state of an instance, and returns the state after it. */
const update = Effect.fnUntraced(function* <A, R>(
  { table }: Group<A, R>,
  name: string,
  event: instanceState.Event,
  running?: A
) {
  const now = yield* Clock.currentTimeMillis
  yield* SubscriptionRef.update(table, (before) => {
    const state = before.get(name)
    const after = state === undefined ? state : instanceState.step(state, event, now)
    return after === undefined || after === state ? before : new Map(before).set(name, { ...after, name, running })
  })
  return (yield* SubscriptionRef.get(table)).get(name)
})

/** Runs the server until it fails, and returns the message. */
const runOnce = <A, R>(group: Group<A, R>, { name, run }: Instance<A, R>, onStarted: Effect.Effect<unknown>) =>
  run((running, address) => Effect.andThen(update(group, name, { _tag: "Ready", address }, running), onStarted)).pipe(
    Effect.sandbox,
    Effect.match({ onSuccess: () => "the server has ended", onFailure: messageOf })
  )

/** Runs an instance until the schedule ends. `onStarted` runs after its first start, good or bad. */
const supervise = Effect.fnUntraced(function* <A, R>(
  group: Group<A, R>,
  instance: Instance<A, R>,
  onStarted: Effect.Effect<unknown>
) {
  const { name } = instance
  let delays = yield* Schedule.toStep(group.schedule)
  let lastError: string | undefined
  while (true) {
    const error = yield* runOnce(group, instance, onStarted)
    const failures = (yield* update(group, name, { _tag: "Failed", error }))?.failuresInARow ?? 1
    if (failures === 1) delays = yield* Schedule.toStep(group.schedule)
    const delay = yield* Pull.matchEffect(delays(yield* Clock.currentTimeMillis, failures), {
      onSuccess: ([, delay]) => Effect.succeed(delay),
      onFailure: () => Effect.undefined,
      onDone: () => Effect.undefined
    })
    if (delay === undefined) {
      yield* update(group, name, { _tag: "GiveUp" })
      yield* Effect.logError(`${name}: ${error}; it is not started again`)
      return yield* onStarted
    }
    // The same failure again and again is one line; the state counts the restarts.
    const line = `${name}: ${error}`
    yield* failures > 1 && error === lastError ? Effect.logDebug(line) : Effect.logWarning(line)
    lastError = error
    yield* onStarted
    yield* Effect.sleep(delay)
    yield* update(group, name, { _tag: "Restart" })
  }
})

/** Runs an instance in the background. Waits until its first start has succeeded or failed, or it is stopped. */
const launch = Effect.fnUntraced(function* <A, R>(group: Group<A, R>, instance: Instance<A, R>) {
  const started = yield* Deferred.make<void>()
  const onStarted = Deferred.succeed(started, undefined)
  yield* FiberMap.run(group.fibers, instance.name)(Effect.ensuring(supervise(group, instance, onStarted), onStarted))
  yield* Deferred.await(started)
})

const add = Effect.fnUntraced(function* <A, R>(group: Group<A, R>, instance: Instance<A, R>) {
  const { name } = instance
  const now = yield* Clock.currentTimeMillis
  const first: Supervised<A> = { ...instanceState.initial(now), name, running: undefined }
  yield* SubscriptionRef.update(group.table, (before) => new Map(before).set(name, first))
  group.instances.set(name, instance)
  yield* launch(group, instance)
})

const remove = Effect.fnUntraced(function* <A, R>(group: Group<A, R>, name: string) {
  group.instances.delete(name)
  yield* update(group, name, { _tag: "Stop" })
  yield* FiberMap.remove(group.restarts, name)
  yield* FiberMap.remove(group.fibers, name)
  yield* SubscriptionRef.update(group.table, (before) => new Map([...before].filter(([other]) => other !== name)))
})

/** Ends an instance and starts it again. */
const endAndLaunch = Effect.fnUntraced(function* <A, R>(group: Group<A, R>, instance: Instance<A, R>) {
  const { name } = instance
  yield* update(group, name, { _tag: "EndForRestart" })
  yield* FiberMap.remove(group.fibers, name)
  yield* update(group, name, { _tag: "Restart" })
  yield* launch(group, instance)
})

/** Starts a supervisor without instances. Closing the scope stops all of them at the same time. */
export const make = Effect.fnUntraced(function* <A, R>({ schedule }: Options) {
  const table = yield* SubscriptionRef.make<Table<A>>(new Map())
  const fibers = yield* FiberMap.make<string>()
  const restarts = yield* FiberMap.make<string>()
  const context = yield* Effect.context<R>()
  const group: Group<A, R> = { schedule, table, fibers, restarts, instances: new Map() }

  const restart = Effect.fnUntraced(function* (name: string) {
    const instance = group.instances.get(name)
    if (instance === undefined || FiberMap.hasUnsafe(restarts, name)) return undefined
    // A fiber of its own: the caller may be interrupted between the end and the start, and has another context.
    const replaced = Effect.updateContext(endAndLaunch(group, instance), (_: Context.Context<never>) => context)
    yield* Fiber.await(yield* FiberMap.run(restarts, name, { startImmediately: true })(replaced))
    const isRemoved = group.instances.get(name) !== instance
    return isRemoved ? undefined : (yield* SubscriptionRef.get(table)).get(name)
  })

  const supervisor: Supervisor<A, R> = {
    instances: SubscriptionRef.get(table),
    changes: SubscriptionRef.changes(table),
    add: (instance) => add(group, instance),
    remove: (name) => remove(group, name),
    restart
  }
  return supervisor
})
