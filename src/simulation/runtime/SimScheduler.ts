/**
 * Explores the interleavings of fibers. Effect runs fibers in the order in which they became ready, and lets each go on
 * until it waits; a race is only seen where another order, or a switch between two operations, shows it. This scheduler
 * takes both from a seed, so that what it finds can be repeated.
 *
 * The environment repeats a failure, as for `SimCheck`: `SIM_SEED` is the first seed (by itself also the only one), and
 * `SIM_RUNS` how many there are.
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
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as FaultRandom from "../faults/FaultRandom.ts"
import * as SimClock from "./SimClock.ts"
import * as SimSchedulerError from "./SimSchedulerError.ts"
import * as SimSchedulerQueue from "./SimSchedulerQueue.ts"
import * as SimSchedulerShrink from "./SimSchedulerShrink.ts"

/** What chance does. @category models @since 0.1.0 */
export interface MakeOptions {
  /** Default 1. */
  readonly seed?: FaultRandom.Seed | undefined
  /** Probability of a switch at each operation: 0 to 1. Default 0.2. */
  readonly preempt?: number | undefined
}

/** A stretch in which one fiber runs and no other. @category models @since 0.1.0 */
export type Slice = SimSchedulerQueue.Slice

/** Where a run leaves the plain order. @category models @since 0.1.0 */
export type Decision = SimSchedulerQueue.Decision

/** A scheduler, and what it has done. @category models @since 0.1.0 */
export interface SimScheduler {
  readonly scheduler: Scheduler.Scheduler
  /** Who ran when, up to now; the first 10,000 turns. */
  readonly trace: () => ReadonlyArray<Slice>
  readonly decisions: () => ReadonlyArray<Decision>
}

/** How often a program is run, and when it is right. @category models @since 0.1.0 */
export interface Options<A> {
  /** The first seed; the others follow it. Default `SIM_SEED`, or 1. */
  readonly seed?: number | undefined
  /** How many seeds. Default `SIM_RUNS`, or 1 with a `SIM_SEED` and 100 without. */
  readonly runs?: number | undefined
  /** Probability of a switch at each operation: 0 to 1. Default 0.2. */
  readonly preempt?: number | undefined
  /** Says what is wrong with a result, or throws. Default: what the program gives is right. */
  readonly check?: ((value: A) => string | undefined) | undefined
  /** Operations after which a run counts as endless. Default 100,000. */
  readonly maxSteps?: number | undefined
  /** Virtual time after which a run counts as endless. Default 1 hour. */
  readonly deadline?: Duration.Input | undefined
  /** What the printed line runs. Default `npx vitest run`. */
  readonly command?: string | undefined
}

/** What was seen while nothing failed. @category models @since 0.1.0 */
export interface Summary {
  readonly runs: number
  /** How many of them went another way than all before. */
  readonly interleavings: number
  /** Operations of all runs together. */
  readonly steps: number
}

/** Tasks that run before the host has its turn. */
const tasksPerBatch = 256

/**
 * A scheduler to run any program with: `Effect.provideService(Scheduler.Scheduler, make({ seed }).scheduler)`. It is
 * for one program: all fibers share its queue. Real time and sockets are possible, and then decide, too.
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
  return { scheduler: queue.scheduler, trace: queue.trace, decisions: () => [...queue.decisions] }
}

/** Calls the fibers that run an effect by a name, in traces. @category combinators @since 0.1.0 */
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
 * Says what an effect does, in traces; where nothing says so, spans and the names of `Effect.fn` do.
 *
 * @category combinators
 * @since 0.1.0
 */
export const step: {
  (text: string): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, doing: string): Effect.Effect<A, E, R>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, doing: string) =>
  Effect.withFiber((fiber) =>
    Effect.provideService(self, SimSchedulerQueue.Step, { text: doing, outer: fiber.getRef(SimSchedulerQueue.Step) })
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
  return typeof judged.value === "string" ? new SimSchedulerError.Failed({ cause: Cause.fail(judged.value) }) : undefined
}

/** What promises that are already kept need to be heard of. */
const promiseTurns = 3

/** A program's run, from its first operation to its last; it takes no time. */
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
    trace: queue.trace(),
    decisions: [...queue.decisions],
    points: queue.points,
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

/** What has to stay the same while a failing run is made smaller. */
const signature = (reason: Reason): string => {
  if (reason._tag !== "Failed") return reason._tag
  const error = Cause.squash(reason.cause)
  return Predicate.hasProperty(error, "_tag") ? `${error._tag}` : error instanceof Error ? error.name : typeof error
}

const misconfigured = (message: string) =>
  new SimSchedulerError.SimSchedulerError({ reason: new SimSchedulerError.Misconfigured({ message }) })

const settingsOf = Effect.fnUntraced(function* <A>({ preempt = 0.2, runs = 100, seed = 1 }: Options<A>) {
  const environment = yield* Config.all({
    seed: Config.option(Config.Int("SIM_SEED")),
    runs: Config.option(Config.Int("SIM_RUNS"))
  }).pipe(Effect.mapError(({ message }) => misconfigured(message)))
  const given = Option.getOrUndefined(environment.seed)
  const count = Option.getOrUndefined(environment.runs) ?? (given === undefined ? runs : 1)
  if (count < 1) return yield* Effect.fail(misconfigured(`${count} runs show nothing: at least 1 is needed`))
  if (!(preempt >= 0 && preempt <= 1)) {
    return yield* Effect.fail(misconfigured(`preempt: ${preempt} is no probability: 0 to 1 is`))
  }
  return { first: given ?? seed, count, preempt }
})

/** Few turns first, then such as say in what they were interrupted. */
const sizeOfTrace = (trace: ReadonlyArray<Slice>) =>
  2 * trace.length + (trace.some(({ preemptedAt: at, steps, end }) => end === "preempted" && at !== (steps.at(-1) ?? "")) ? 1 : 0)

const traceKey = (trace: ReadonlyArray<Slice>) => trace.map(({ steps, fiber }) => `${fiber}:${steps.join()}`).join(" ")

/**
 * Runs a program with every seed until it fails: by itself, by what `check` says of its result, by a deadlock, or by
 * not ending. Then leaves out decisions until none can be missed, and fails with the interleaving that is left.
 *
 * The program must make its state itself, for it is run many times. It gets a clock of its own, which never waits, and
 * its `Random` from the seed. A run is deterministic unless it waits for something outside: a promise, a socket.
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
    // A run is one piece of work: between two of them others have their turn, and a test its time limit.
    yield* Effect.yieldNow
    const seed = first + run - 1
    const result = yield* attempt(scoped, seed, { seed, preempt }, options)
    const { reason } = result
    steps += result.steps
    traceHashes.add(FaultRandom.hash(traceKey(result.trace)))
    if (reason === undefined) continue
    const again = (decisions: ReadonlyArray<Decision>) => attempt(scoped, seed, { decisions }, options)
    const sizeOf = (one: Attempt) =>
      one.reason !== undefined && signature(one.reason) === signature(reason) ? sizeOfTrace(one.trace) : undefined
    const small = yield* SimSchedulerShrink.minimise(result.decisions, again, sizeOf, ({ points }) => points)
    const { decisions, trace } = small ?? result
    const found = { decisions: result.decisions.length, switches: SimSchedulerError.switches(result.trace) }
    const left = small?.reason ?? new SimSchedulerError.Nondeterministic({ first: reason.message })
    return yield* new SimSchedulerError.SimSchedulerError({
      reason: left,
      failure: { seed, run, trace, decisions, found, command },
      cause: left._tag === "Failed" ? Cause.squash(left.cause) : undefined
    })
  }
  return { runs: count, interleavings: traceHashes.size, steps }
})
