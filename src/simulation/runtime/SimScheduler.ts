/**
 * Explores the interleavings of fibers.
 *
 * Effect runs fibers in the order in which they became ready, and each until it waits. A race shows only in another
 * order, or if a fiber is preempted between two operations. This scheduler draws both from a seed, so that a failure
 * can be repeated.
 *
 * Environment variables repeat a failure, as for `SimCheck`. `SIM_SEED` is the first seed, and the only one unless
 * `SIM_RUNS` is set. `SIM_RUNS` is the number of seeds.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as FaultRandom from "../faults/FaultRandom.ts"
import * as SimClock from "./SimClock.ts"
import * as SimSchedulerError from "./SimSchedulerError.ts"
import * as SimSchedulerQueue from "./SimSchedulerQueue.ts"
import * as SimSchedulerShrink from "./SimSchedulerShrink.ts"

/** Random choices of a scheduler. @category models @since 0.1.0 */
export interface MakeOptions {
  /** Seed of all random choices. Default 1. */
  readonly seed?: FaultRandom.Seed | undefined
  /** Probability of preempting a fiber at each operation, 0 to 1. Default 0.2. */
  readonly preempt?: number | undefined
}

/** A slice of a run in which one fiber runs and no other. @category models @since 0.1.0 */
export type Slice = SimSchedulerQueue.Slice

/** A deviation from the default order. @category models @since 0.1.0 */
export type Decision = SimSchedulerQueue.Decision

/** A scheduler with its trace. @category models @since 0.1.0 */
export interface SimScheduler {
  readonly scheduler: Scheduler.Scheduler
  /** Returns the slices so far; at most the first 10,000. */
  readonly trace: () => ReadonlyArray<Slice>
  readonly decisions: () => ReadonlyArray<Decision>
}

/** Options of an exploration. @category models @since 0.1.0 */
export interface Options<A> {
  /** First seed; each run uses the next one. Default `SIM_SEED`, or 1. */
  readonly seed?: number | undefined
  /** Number of seeds. Default `SIM_RUNS`; else 1 if `SIM_SEED` is set, and 100 if not. */
  readonly runs?: number | undefined
  /** Probability of preempting a fiber at each operation, 0 to 1. Default 0.2. */
  readonly preempt?: number | undefined
  /** Returns an error message for a wrong result, or throws. Default: every result is correct. */
  readonly check?: ((value: A) => string | undefined) | undefined
  /** Operations after which a run counts as endless. Default 100,000. */
  readonly maxSteps?: number | undefined
  /** Virtual time after which a run counts as endless. Default 1 hour. */
  readonly deadline?: Duration.Input | undefined
  /** Command in the printed replay line. Default `npx vitest run`. */
  readonly command?: string | undefined
}

/** Statistics of an exploration without a failure. @category models @since 0.1.0 */
export interface Summary {
  readonly runs: number
  /** Number of different interleavings among the runs. */
  readonly interleavings: number
  /** Operations, summed over all runs. */
  readonly steps: number
}

/** Tasks that run before the event loop of the host continues. */
const tasksPerBatch = 256

/**
 * Creates a scheduler for one program: `Effect.provideService(Scheduler.Scheduler, make({ seed }).scheduler)`.
 *
 * All fibers share its queue. The program may use real time and sockets; a run then depends on them, too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ preempt = 0.2, seed = 1 }: MakeOptions = {}): SimScheduler => {
  const host = new Scheduler.MixedScheduler().makeDispatcher()
  let isArmed = false
  const arm = () => {
    if (isArmed) return
    isArmed = true
    host.scheduleTask(() => {
      isArmed = false
      queue.run(tasksPerBatch)
      if (!queue.isEmpty()) arm()
    }, 0)
  }
  const queue = SimSchedulerQueue.make({ seed, preempt }, Number.POSITIVE_INFINITY, false, arm)
  return { scheduler: queue.scheduler, trace: queue.slices, decisions: () => [...queue.decisions()] }
}

/** Names the fibers that run an effect, in traces. @category combinators @since 0.1.0 */
export const label: {
  (name: string): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, name: string): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, name: string) =>
  Effect.withFiber((fiber) => {
    SimSchedulerQueue.names.set(fiber, name)
    return Effect.provideService(self, SimSchedulerQueue.Name, name)
  })
)

/**
 * Names the step that an effect is, in traces. Spans and the names of `Effect.fn` are steps without it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const step: {
  (text: string): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, text: string): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, text: string) =>
  Effect.withFiber((fiber) =>
    Effect.provideService(self, SimSchedulerQueue.Step, { text, outer: fiber.getRef(SimSchedulerQueue.Step) })
  )
)

type Reason = SimSchedulerError.SimSchedulerError["reason"]

interface Attempt {
  readonly reason: Reason | undefined
  readonly trace: ReadonlyArray<Slice>
  readonly decisions: ReadonlyArray<Decision>
  readonly points: ReadonlyArray<string>
  readonly steps: number
}

const failureOf = <A, E>(exit: Exit.Exit<A, E>, check: Options<A>["check"]): Reason | undefined => {
  if (Exit.isFailure(exit)) return new SimSchedulerError.Failed({ cause: exit.cause })
  const judged = Exit.isSuccess(exit) ? Effect.runSyncExit(Effect.sync(() => check?.(exit.value))) : exit
  if (Exit.isFailure(judged)) return new SimSchedulerError.Failed({ cause: judged.cause })
  return typeof judged.value === "string"
    ? new SimSchedulerError.Failed({ cause: Cause.fail(judged.value) })
    : undefined
}

/** Turns of the event loop that settled promises need to resume their fibers. */
const promiseTurns = 3

/** Runs a program once, from its first operation to its last, in virtual time. */
const attempt = Effect.fnUntraced(function* <A, E, R>(
  program: Effect.Effect<A, E, R>,
  seed: number,
  strategy: SimSchedulerQueue.Strategy,
  { check, deadline = "1 hour", maxSteps = 100_000 }: Options<A>
): Effect.fn.Return<Attempt, never, R> {
  const clock = SimClock.make()
  const queue = SimSchedulerQueue.make(strategy, maxSteps, true)
  const context = Context.add(
    yield* Effect.context<R>(),
    Clock.Clock,
    clock.clockOf(() => 0)
  ).pipe(Context.add(Scheduler.Scheduler, queue.scheduler))
  const fiber = Effect.runForkWith(context)(Random.withSeed(program, `${seed}`))
  const isDone = () => fiber.pollUnsafe() !== undefined
  const deadlineNanos = Duration.toMillis(deadline) * 1e6
  const advance = () =>
    clock.advance(deadlineNanos, () => {
      queue.run(Number.POSITIVE_INFINITY, isDone)
      return isDone() || queue.isExhausted()
    })
  let outcome = advance()
  for (let turn = 0; outcome === "idle" && turn < promiseTurns; turn++) {
    yield* Effect.yieldNow
    outcome = advance()
  }
  const exit = fiber.pollUnsafe()
  const observed = {
    trace: queue.slices(),
    decisions: [...queue.decisions()],
    points: queue.points(),
    steps: queue.steps()
  }
  if (exit !== undefined) return { ...observed, reason: failureOf(exit, check) }
  const waiting = queue.waiting()
  const after = queue.isExhausted() ? `${maxSteps} operations` : Duration.format(Duration.fromInputUnsafe(deadline))
  fiber.interruptUnsafe()
  advance()
  return {
    ...observed,
    reason: outcome === "idle" ? new SimSchedulerError.Deadlock({ waiting }) : new SimSchedulerError.Endless({ after })
  }
})

const misconfigured = (message: string) =>
  new SimSchedulerError.SimSchedulerError({ reason: new SimSchedulerError.Misconfigured({ message }) })

const settingsOf = Effect.fnUntraced(function* <A>({ preempt = 0.2, runs = 100, seed = 1 }: Options<A>) {
  const environment = yield* Config.all({
    seed: Config.option(Config.Int("SIM_SEED")),
    runs: Config.option(Config.Int("SIM_RUNS"))
  }).pipe(Effect.mapError(({ message }) => misconfigured(message)))
  const given = Option.getOrUndefined(environment.seed)
  const count = Option.getOrUndefined(environment.runs) ?? (given === undefined ? runs : 1)
  if (count < 1) return yield* Effect.fail(misconfigured(`invalid number of runs ${count}: must be at least 1`))
  if (!(preempt >= 0 && preempt <= 1)) {
    return yield* Effect.fail(misconfigured(`invalid preempt ${preempt}: must be a probability from 0 to 1`))
  }
  return { first: given ?? seed, count, preempt }
})

/**
 * Returns the size of a trace: fewer slices are smaller; of equal traces, the one that is preempted between two steps
 * is smaller.
 */
const sizeOfTrace = (trace: ReadonlyArray<Slice>) =>
  2 * trace.length +
  (trace.some(({ preemptedAt: at, steps, end }) => end === "preempted" && at !== (steps.at(-1) ?? "")) ? 1 : 0)

const traceKey = (trace: ReadonlyArray<Slice>) => trace.map(({ steps, fiber }) => `${fiber}:${steps.join()}`).join(" ")

/**
 * Runs a program with every seed until it fails: by its own error, by `check`, by a deadlock, or by not ending. Then
 * removes decisions while the run still fails, and fails with the remaining interleaving.
 *
 * The program runs many times, so it must create its own state. Its clock is virtual, and its `Random` is seeded. A run
 * is deterministic unless it waits for a promise or a socket.
 *
 * **Example** (Find a lost update)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Ref from "effect/Ref"
 * import { SimScheduler } from "effect-inet/simulation"
 *
 * const program = Effect.gen(function* () {
 *   const counter = yield* Ref.make(0)
 *   const increment = Effect.flatMap(Ref.get(counter), (n) => Ref.set(counter, n + 1))
 *   yield* Effect.all([increment, increment], { concurrency: "unbounded" })
 *   return yield* Ref.get(counter)
 * })
 * const check = (count: number) => (count === 2 ? undefined : `${count} of 2 increments counted`)
 *
 * const error = await Effect.runPromise(Effect.flip(SimScheduler.explore(program, { check })))
 * error.reason.message // => "1 of 2 increments counted"
 * error.failure?.decisions.length // => 1
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const explore = Effect.fnUntraced(function* <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options<A> = {}
): Effect.fn.Return<Summary, SimSchedulerError.SimSchedulerError, Exclude<R, Scope.Scope>> {
  const { count, first, preempt } = yield* settingsOf(options)
  const { command = "npx vitest run" } = options
  const scoped = Effect.scoped(program)
  const traceHashes = new Set<number>()
  let steps = 0
  for (let run = 1; run <= count; run++) {
    // A run is synchronous: between two runs other fibers and the time limit of a test get their turn.
    yield* Effect.yieldNow
    const seed = first + run - 1
    const result = yield* attempt(scoped, seed, { seed, preempt }, options)
    const { reason } = result
    steps += result.steps
    traceHashes.add(FaultRandom.hash(traceKey(result.trace)))
    if (reason === undefined) continue
    const again = (decisions: ReadonlyArray<Decision>) => attempt(scoped, seed, { decisions }, options)
    const sizeOf = (one: Attempt) =>
      one.reason !== undefined && SimSchedulerShrink.signature(one.reason) === SimSchedulerShrink.signature(reason)
        ? sizeOfTrace(one.trace)
        : undefined
    const shrunk = yield* SimSchedulerShrink.minimise(result.decisions, again, sizeOf, ({ points }) => points)
    const { decisions, trace } = shrunk ?? result
    const found = { decisions: result.decisions.length, switches: SimSchedulerError.switches(result.trace) }
    const finalReason = shrunk?.reason ?? new SimSchedulerError.Nondeterministic({ first: reason.message })
    return yield* new SimSchedulerError.SimSchedulerError({
      reason: finalReason,
      failure: { seed, run, trace, decisions, found, command },
      cause: finalReason._tag === "Failed" ? Cause.squash(finalReason.cause) : undefined
    })
  }
  return { runs: count, interleavings: traceHashes.size, steps }
})
