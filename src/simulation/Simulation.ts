/**
 * A run of a simulated network: programs on hosts, faults from a plan, everything decided by a seed. A run is an effect
 * that takes no real time to wait, and its report says what happened.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type * as Packet from "../network/Packet.ts"
import * as FaultEngine from "./faults/FaultEngine.ts"
import type * as FaultPlan from "./faults/FaultPlan.ts"
import * as SimHost from "./network/SimHost.ts"
import * as SimLan from "./network/SimLan.ts"
import * as SimNetwork from "./network/SimNetwork.ts"
import * as SimClock from "./runtime/SimClock.ts"
import * as SimSchedulerQueue from "./runtime/SimSchedulerQueue.ts"

/** How a run is made. @category models @since 0.1.0 */
export interface Options {
  /** Decides about all chance, in the network, the faults and the programs. Default 1. */
  readonly seed?: number | undefined
  /** What goes wrong. Default: nothing. */
  readonly plan?: FaultPlan.FaultPlan | undefined
  /** Tells the kinds of payloads to the plan. */
  readonly dissectors?: ReadonlyArray<Packet.Dissector> | undefined
  /** How packets travel where nothing else is said. */
  readonly link?: SimLan.LinkOptions | undefined
  /** Virtual time after which a run that has not ended is ended. Default 1 hour. */
  readonly deadline?: Duration.Input | undefined
  /**
   * Probability of a switch to another fiber at each operation, 0 to 1; chance also takes the next of the fibers that
   * are ready at one instant. Default: none is preempted, and they run in the order in which they became ready.
   */
  readonly preempt?: number | undefined
  /** Is told of every packet. */
  readonly tap?: Packet.Tap | undefined
}

/** What a scenario can do. @category models @since 0.1.0 */
export interface Simulation {
  /** Adds a host; a name or an address that is taken is a mistake in the scenario, which dies. */
  readonly host: (name: string, options?: SimNetwork.HostOptions) => Effect.Effect<SimHost.SimHost>
  /** Sets how packets travel between two hosts, both ways. */
  readonly link: (one: string, other: string, options: SimLan.LinkOptions) => Effect.Effect<void>
  /** Ends all faults of packets: from now on everything arrives. What follows must make progress. */
  readonly heal: Effect.Effect<void>
  /** Marks a state that some run must reach, or the property says nothing about it. */
  readonly sometimes: (label: string, reached?: boolean) => Effect.Effect<void>
}

/** What happened in a run. @category models @since 0.1.0 */
export interface Report<A, E> {
  /** `stuck`: nothing was left to happen and the scenario still waited. */
  readonly outcome: "done" | "deadlock" | "deadline"
  readonly exit: Exit.Exit<A, E>
  /** Virtual nanoseconds. */
  readonly time: number
  readonly packets: number
  /** The hosts, by name, in the order in which they were added. */
  readonly hosts: ReadonlyArray<string>
  /** How often each rule of the plan was applied. */
  readonly faults: ReadonlyArray<number>
  /** The rules that hit nothing. */
  readonly unused: FaultPlan.FaultPlan
  /** The plan that does the same without chance. */
  readonly concrete: FaultPlan.FaultPlan
  /** What the programs have left behind: sockets, and timers of fibers that go on. */
  readonly leaked: { readonly sockets: number; readonly timers: number }
  /** The states that were marked as reached, and those that were only asked about. */
  readonly reached: ReadonlySet<string>
  readonly unreached: ReadonlySet<string>
}

/** Numbers from 0 to 1: mulberry32, which is small, quick and good enough to roll dice with. */
const mulberry32 = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const neverPaused = () => 0

/** How long programs may take to end once they are told to. */
const shutdownGraceNanos = 60_000_000_000

/**
 * Runs a scenario on a network of its own, from its first event to its last, and reports. Interrupting is not possible:
 * a run is one synchronous piece of work.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E, R>(
  scenario: (simulation: Simulation) => Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<Report<A, E>, never, Exclude<R, Scope.Scope>> =>
  Effect.map(Effect.context<Exclude<R, Scope.Scope>>(), (outer) => {
    const { deadline = "1 hour", dissectors, plan = [], preempt, seed = 1, tap } = options
    const deadlineNanos = Duration.toMillis(deadline) * 1e6
    const fibers =
      preempt === undefined
        ? undefined
        : SimSchedulerQueue.make({ seed: `fibers ${seed}`, preempt }, Number.POSITIVE_INFINITY, true)
    const clock = SimClock.make(fibers)
    const random = mulberry32(seed)
    const names = new Map<string, string>()
    const faults =
      plan.length === 0
        ? undefined
        : FaultEngine.make(plan, { seed, dissectors, nameOf: (address) => names.get(address) })
    const lan = SimLan.make({ clock, random, link: options.link, faults, tap })
    const network = SimNetwork.make(lan)
    const reached = new Set<string>()
    const labels = new Set<string>()
    let failure: Cause.Cause<unknown> | undefined

    const context = Context.add(outer, Clock.Clock, clock.clockOf(neverPaused)).pipe(
      Context.add(Scheduler.Scheduler, clock.scheduler)
    ) as Context.Context<Exclude<R, Scope.Scope>>
    const scope = Scope.makeUnsafe()
    const hosts = new Map<string, SimHost.SimHost>()
    const simulation: Simulation = {
      host: (name, hostOptions) =>
        Effect.sync(() => {
          const node = network.add(name, hostOptions)
          for (const { literal } of node.interfaces) names.set(literal, name)
          const host = SimHost.make(network, node, scope, (cause) => {
            failure ??= cause
          })
          hosts.set(name, host)
          return host
        }),
      link: (one, other, link) => Effect.sync(() => lan.link(one, other, link)),
      heal: Effect.sync(() => faults?.heal(clock.now())),
      sometimes: (label, isReached = true) =>
        Effect.sync(() => {
          labels.add(label)
          if (isReached) reached.add(label)
        })
    }
    let hasEnded = false
    const events = faults?.hostEvents() ?? []
    for (const event of events) {
      clock.schedule(event.at, () => {
        const host = hosts.get(event.host)
        if (host === undefined || hasEnded) return
        faults?.recordHostEvent(event)
        const resumeEvent = events.find((other) => other.ruleIndex === event.ruleIndex && other.event === "resume")
        const actions = {
          crash: host.crash,
          restart: host.restart,
          pause: host.pauseUntil(resumeEvent?.at ?? Number.POSITIVE_INFINITY),
          resume: Effect.void
        }
        Effect.runForkWith(context)(actions[event.event])
      })
    }

    const program = Effect.provideService(
      Effect.suspend(() => scenario(simulation)),
      Scope.Scope,
      scope
    )
    const seeded = Random.withSeed(program as Effect.Effect<A, E, Exclude<R, Scope.Scope>>, `${seed}`)
    const fiber: Fiber.Fiber<A, E> = Effect.runForkWith(context)(seeded)
    const isDone = () => fiber.pollUnsafe() !== undefined
    const stopped = clock.advance(deadlineNanos, () => failure !== undefined || isDone())
    const outcome = failure !== undefined || isDone() ? "done" : stopped === "deadline" ? "deadline" : "deadlock"
    hasEnded = true
    if (!isDone()) fiber.interruptUnsafe()
    const closing = Effect.runForkWith(context)(Scope.close(scope, Exit.void))
    clock.advance(clock.now() + shutdownGraceNanos, () => isDone() && closing.pollUnsafe() !== undefined)
    const time = clock.now()
    clock.advance(clock.now() + shutdownGraceNanos)
    const sockets = lan.nodes.reduce((sum, node) => {
      const stack = network.stackOf(node)
      return sum + (stack === undefined ? 0 : stack.udp.count() + stack.tcp.count())
    }, 0)
    const uninterruptible = Cause.die(new Error("the scenario does not let itself be interrupted"))
    return {
      outcome,
      // What fails in the background is nobody's typed error.
      exit: failure ? Exit.die(Cause.squash(failure)) : (fiber.pollUnsafe() ?? Exit.failCause(uninterruptible)),
      time,
      packets: lan.packets(),
      hosts: [...hosts.keys()],
      faults: faults?.counts() ?? [],
      unused: faults?.unused() ?? [],
      concrete: faults?.concrete() ?? [],
      leaked: { sockets, timers: clock.sleepers() },
      reached,
      unreached: new Set([...labels].filter((label) => !reached.has(label)))
    }
  })
