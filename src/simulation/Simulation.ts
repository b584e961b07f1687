/**
 * Runs programs on a simulated network, in virtual time, with faults from a plan. The seed decides all random choices.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { constFalse } from "effect/Function"
import * as Scope from "effect/Scope"
import type * as Packet from "../network/Packet.ts"
import type * as FaultPlan from "./faults/FaultPlan.ts"
import type * as SimHost from "./network/SimHost.ts"
import type * as SimLan from "./network/SimLan.ts"
import type * as SimNetwork from "./network/SimNetwork.ts"
import type * as Recording from "./Recording.ts"
import * as Hooks from "./runtime/globals/Hooks.ts"
import * as HostModules from "./runtime/globals/HostModules.ts"
import type * as PlatformCalls from "./runtime/PlatformCalls.ts"
import * as PromiseDrain from "./runtime/PromiseDrain.ts"
import * as RunOptions from "./runtime/RunOptions.ts"
import type * as SimClock from "./runtime/SimClock.ts"
import type * as SimSchedulerQueue from "./runtime/SimSchedulerQueue.ts"
import * as SimWorld from "./SimWorld.ts"

/** Options of a run. @category models @since 0.1.0 */
export interface Options {
  /** Seed of all random choices in the network, the faults and the programs. Default 1. */
  readonly seed?: number | undefined
  /** Fault plan. Default: no faults. */
  readonly plan?: FaultPlan.FaultPlan | undefined
  /** Dissectors that determine the kinds of payloads for rules with `kind=`. */
  readonly dissectors?: ReadonlyArray<Packet.Dissector> | undefined
  /** Link options of all pairs of hosts without their own. */
  readonly link?: SimLan.LinkOptions | undefined
  /** Virtual time after which a run is ended. Default 1 hour. */
  readonly deadline?: Duration.Input | undefined
  /**
   * Probability of preempting a fiber at each operation, 0 to 1. If set, the next of the fibers that are ready at one
   * instant is also chosen at random. Default: no preemption; fibers run in the order in which they became ready.
   */
  readonly preempt?: number | undefined
  /** Preemptions of an earlier run, which are repeated instead of drawn. Overrides `preempt`. */
  readonly decisions?: ReadonlyArray<SimSchedulerQueue.Decision> | undefined
  /** Called with every packet. */
  readonly tap?: Packet.Tap | undefined
  /** Called with every event of the run, in order. */
  readonly record?: Recording.Recorder | undefined
  /**
   * `virtual`: `Date`, `Math.random`, `performance.now`, `crypto` and the timers of JavaScript are virtual and seeded
   * while the programs of the run execute. Default `virtual`.
   */
  readonly globals?: "virtual" | "real" | undefined
  /**
   * True if promises are settled before virtual time advances; a run is synchronous if not. Default: from the first
   * promise that a program uses, if globals are virtual.
   */
  readonly promises?: boolean | undefined
  /** Wall clock of all hosts at the start of the run, in milliseconds since 1970. Default 0. */
  readonly epochMillis?: number | undefined
}

/** The simulation as a scenario uses it. @category models @since 0.1.0 */
export interface Simulation {
  /** Adds a host. Dies if the name or an address is taken. */
  readonly host: (name: string, options?: SimNetwork.HostOptions) => Effect.Effect<SimHost.SimHost>
  /** Sets the link between two hosts, for both directions. */
  readonly link: (one: string, other: string, options: SimLan.LinkOptions) => Effect.Effect<void>
  /**
   * Ends all packet faults: every packet sent from now on is delivered. Used to check that the programs make progress.
   */
  readonly heal: Effect.Effect<void>
  /** Separates hosts until `repair` or `heal`: datagrams between them are lost, and streams wait. */
  readonly partition: (one: ReadonlyArray<string>, other: ReadonlyArray<string>) => Effect.Effect<void>
  /** Ends a partition between hosts. */
  readonly repair: (one: ReadonlyArray<string>, other: ReadonlyArray<string>) => Effect.Effect<void>
  /** Holds the packets between two hosts, both directions, on their link. */
  readonly hold: (one: string, other: string) => Effect.Effect<void>
  /** Lets the held packets between two hosts arrive, in their order. */
  readonly release: (one: string, other: string) => Effect.Effect<void>
  /** Records a state as canonical JSON; `SimCheck` compares it between two runs of one seed. */
  readonly digest: (label: string, state: unknown) => Effect.Effect<void>
  /** Marks a state that at least one run must reach; otherwise the property has not been tested. */
  readonly sometimes: (label: string, reached?: boolean) => Effect.Effect<void>
}

/** Report of a run. @category models @since 0.1.0 */
export interface Report<A, E> {
  /** `deadlock`: no event was left and the scenario still waited. */
  readonly outcome: "done" | "deadlock" | "deadline"
  readonly exit: Exit.Exit<A, E>
  /** Virtual nanoseconds. */
  readonly time: number
  readonly packets: number
  /** Names of the hosts, in the order in which they were added. */
  readonly hosts: ReadonlyArray<string>
  /** Number of times that each rule of the plan was applied. */
  readonly faults: ReadonlyArray<number>
  /** Rules that were never applied. */
  readonly unused: FaultPlan.FaultPlan
  /** The equivalent plan without random choices. */
  readonly concrete: FaultPlan.FaultPlan
  /** Preemptions of the run, which `decisions` repeats. */
  readonly decisions: ReadonlyArray<SimSchedulerQueue.Decision>
  /**
   * Functions of the host that programs called and that are not simulated, such as `fetch`; after a deadlock also the
   * promises that are not settled.
   */
  readonly calls: ReadonlyArray<PlatformCalls.PlatformCall>
  /** Sockets that the programs did not close, and timers of fibers that still run. */
  readonly leaked: { readonly sockets: number; readonly timers: number }
  /** States marked as reached, and states marked only as not reached. */
  readonly reached: ReadonlySet<string>
  readonly unreached: ReadonlySet<string>
}

/** Virtual time that programs have to end after their interruption. */
const shutdownGraceNanos = 60_000_000_000

/**
 * Runs a scenario on its own network, from the first event to the last, and returns a report.
 *
 * A run is synchronous, and cannot be interrupted, until a program uses a promise. Sockets and programs of the scenario
 * end with it. While its programs execute, the globals of JavaScript are virtual and seeded; they are restored in every
 * case. Dies if an option is invalid.
 *
 * **Example** (One datagram between two hosts)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network } from "effect-inet/network"
 * import { Simulation } from "effect-inet/simulation"
 *
 * const received: Array<number> = []
 * const report = await Effect.runPromise(
 *   Simulation.run(
 *     Effect.fnUntraced(function* ({ host }) {
 *       const [server, client] = [yield* host("server"), yield* host("client")]
 *       const open = (onDatagram: (bytes: Uint8Array) => void) =>
 *         Effect.flatMap(Network.Network, ({ udp }) => udp({ host: "0.0.0.0", port: 9 }, onDatagram))
 *       yield* server.start(open((bytes) => received.push(...bytes)))
 *       const send = Effect.flatMap(open(() => {}), (socket) =>
 *         socket.send(Uint8Array.of(42), { address: server.address, port: 9 })
 *       )
 *       yield* client.run(send)
 *       yield* Effect.sleep("1 hour") // Virtual time: takes no real time.
 *     })
 *   )
 * )
 * received // => [42]
 * report.outcome // => "done"
 * report.packets // => 1
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E, R>(
  scenario: (simulation: Simulation) => Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<Report<A, E>, never, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(Effect.context<Exclude<R, Scope.Scope>>(), (outer) => {
    const problem = RunOptions.problemOf(options)
    if (problem !== undefined) return Effect.die(new Error(problem))
    const world = SimWorld.make({ ...options, seed: options.seed ?? 1 })
    const program = scenario as (simulation: Simulation) => Effect.Effect<A, E, Exclude<R, Scope.Scope>>
    return execute(world, phasesOf(world, program, outer, options.deadline))
  })

/** Steps of a run; it yields when promises must be settled. */
type Phases<A, E> = Generator<undefined, Report<A, E>>

/** Advances the clock; a program that never waits, at which the clock gives up, fails the run. */
const advanceClock = (world: SimWorld.World, until: number, stop: () => boolean): SimClock.Outcome => {
  try {
    return world.clock.advance(until, stop)
  } catch (error) {
    world.failure ??= Cause.die(error)
    return "stopped"
  }
}

/** Advances time until `stop`, or until nothing is left. */
const advance = function* (
  world: SimWorld.World,
  until: number,
  stop: () => boolean = constFalse
): Generator<undefined, SimClock.Outcome> {
  const { clock, promises } = world
  while (true) {
    const outcome = advanceClock(world, until, () => stop() || promises.isPending(clock.activity()))
    if (!promises.isPending(clock.activity())) return outcome
    yield
  }
}

/** Runs a scenario, and then ends its programs. */
const phasesOf = function* <A, E, R>(
  world: SimWorld.World,
  scenario: (simulation: Simulation) => Effect.Effect<A, E, R>,
  outer: Context.Context<R>,
  deadline: Duration.Input = "1 hour"
): Phases<A, E> {
  const { clock } = world
  const fork = Effect.runForkWith(SimWorld.contextOf(world, outer))
  const scope = Scope.makeUnsafe()
  SimWorld.scheduleHostEvents(world, fork)
  const simulation: Simulation = SimWorld.verbsOf(world, scope)
  const fiber: Fiber.Fiber<A, E> = fork(
    Effect.provideService(
      Effect.suspend(() => scenario(simulation)),
      Scope.Scope,
      scope
    )
  )
  const isDone = () => fiber.pollUnsafe() !== undefined
  const isOver = () => world.failure !== undefined || isDone()
  const stopped = yield* advance(world, Duration.toMillis(deadline) * 1e6, isOver)
  const outcome = isOver() ? "done" : stopped === "deadline" ? "deadline" : "deadlock"
  world.hasEnded = true
  if (!isDone()) fiber.interruptUnsafe()
  const closing = fork(Scope.close(scope, Exit.void))
  yield* advance(world, clock.now() + shutdownGraceNanos, () => isDone() && closing.pollUnsafe() !== undefined)
  const time = clock.now()
  SimWorld.recordDisks(world)
  yield* advance(world, clock.now() + shutdownGraceNanos)
  const uninterruptible = Cause.die(new Error("the scenario cannot be interrupted"))
  // A failure in the background has no typed error in the scenario.
  const exit = world.failure
    ? Exit.die(Cause.squash(world.failure))
    : (fiber.pollUnsafe() ?? Exit.failCause(uninterruptible))
  return { outcome, exit, time, ...SimWorld.reportOf(world, outcome === "deadlock") }
}

/** Executes the steps of a run, at once if no promise must be settled. */
const execute = <A, E>(world: SimWorld.World, phases: Phases<A, E>): Effect.Effect<Report<A, E>> => {
  const globals = SimWorld.globalsOf(world)
  const outer = Hooks.active
  /** Executes a step; the microtasks of its programs are executed with the globals of the run, too. */
  const next = () => {
    const turn = world.options.promises === false ? undefined : PromiseDrain.queueTurn()
    globals.enter()
    try {
      const step = phases.next()
      if (turn !== undefined && step.done !== true) turn.action = globals.enter
      return step
    } finally {
      globals.leave()
    }
  }
  const first = next()
  if (first.done === true) return Effect.succeed(first.value)
  // The outer run does not wait for this one, whose promises need the time of the host.
  outer?.onCall("Simulation.run with promises, within a run", execute)
  return executePromises(world, globals, next)
}

/** Real milliseconds after which a run with promises lets the process do other work. */
const maxTurnMillis = 50

/** Executes the further steps of a run, before each of which promises are settled. */
const executePromises = <A, E>(
  world: SimWorld.World,
  globals: ReturnType<typeof SimWorld.globalsOf>,
  next: () => IteratorResult<undefined, Report<A, E>>
): Effect.Effect<Report<A, E>> =>
  Effect.callback((resume) => {
    const rejections = HostModules.watchRejections()
    let isInterrupted = false
    let turnMillis = HostModules.realMillis()
    const settle = () => world.promises.drain(world.clock.activity(), globals.enter, globals.leave, onSettled)
    const end = (report: Report<A, E>) => {
      rejections.stop()
      const rejection = rejections.first()
      // As a process that has an unhandled rejection, the run fails, even if its scenario still waits.
      const failed = rejection && { outcome: "done" as const, exit: Exit.die(rejection.reason) }
      resume(Effect.succeed({ ...report, ...failed }))
    }
    const step = () => {
      if (isInterrupted) return globals.leave()
      try {
        const { done, value } = next()
        if (done !== true) return settle()
        // The host finds out about rejections after its microtasks.
        if (!HostModules.afterTurn(() => isInterrupted || end(value))) end(value)
      } catch (error) {
        rejections.stop()
        resume(Effect.die(error))
      }
    }
    const onSettled = () => {
      const now = HostModules.realMillis()
      if (isInterrupted || now - turnMillis < maxTurnMillis) return step()
      turnMillis = now
      globals.leave()
      if (!HostModules.afterTurn(step)) step()
    }
    settle()
    return Effect.sync(() => {
      isInterrupted = true
      rejections.stop()
      globals.leave()
    })
  })
