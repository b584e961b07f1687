/**
 * Runs programs on a simulated network, in virtual time, with faults from a plan. The seed decides all random choices.
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
import type * as Recording from "./Recording.ts"
import * as SimClock from "./runtime/SimClock.ts"
import * as SimRandom from "./runtime/SimRandom.ts"
import * as SimSchedulerQueue from "./runtime/SimSchedulerQueue.ts"

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
  /** Whether promises are settled before virtual time advances. Default: once a program uses a promise. */
  readonly promises?: boolean | undefined
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
  /** Sockets that the programs did not close, and timers of fibers that still run. */
  readonly leaked: { readonly sockets: number; readonly timers: number }
  /** States marked as reached, and states marked only as not reached. */
  readonly reached: ReadonlySet<string>
  readonly unreached: ReadonlySet<string>
}

/** Creates a generator of numbers in [0, 1): mulberry32, which is small, fast and sufficient for simulations. */
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

/** Virtual time that programs have to end after their interruption. */
const shutdownGraceNanos = 60_000_000_000

/**
 * Runs a scenario on its own network, from the first event to the last, and returns a report.
 *
 * A run is synchronous and cannot be interrupted. Sockets and programs of the scenario end with it.
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
  Effect.map(Effect.context<Exclude<R, Scope.Scope>>(), (outer) => {
    const { deadline = "1 hour", seed = 1 } = options
    const world = makeWorld(options)
    const { clock } = world
    const context = Context.add(outer, Clock.Clock, clock.clockOf(neverPaused)).pipe(
      Context.add(Scheduler.Scheduler, clock.scheduler),
      Context.add(Random.Random, SimRandom.make(`${seed}`).random)
    ) as Context.Context<Exclude<R, Scope.Scope>>
    const scope = Scope.makeUnsafe()
    const simulation = makeSimulation(world, scope)
    scheduleHostEvents(world, Effect.runForkWith(context))

    const program = Effect.provideService(
      Effect.suspend(() => scenario(simulation)),
      Scope.Scope,
      scope
    )
    const fiber: Fiber.Fiber<A, E> = Effect.runForkWith(context)(
      program as Effect.Effect<A, E, Exclude<R, Scope.Scope>>
    )
    const isDone = () => fiber.pollUnsafe() !== undefined
    const isOver = () => world.failure !== undefined || isDone()
    const stopped = clock.advance(Duration.toMillis(deadline) * 1e6, isOver)
    const outcome = isOver() ? "done" : stopped === "deadline" ? "deadline" : "deadlock"
    world.hasEnded = true
    if (!isDone()) fiber.interruptUnsafe()
    const closing = Effect.runForkWith(context)(Scope.close(scope, Exit.void))
    clock.advance(clock.now() + shutdownGraceNanos, () => isDone() && closing.pollUnsafe() !== undefined)
    const time = clock.now()
    clock.advance(clock.now() + shutdownGraceNanos)
    const uninterruptible = Cause.die(new Error("the scenario cannot be interrupted"))
    // A failure in the background has no typed error in the scenario.
    const exit = world.failure
      ? Exit.die(Cause.squash(world.failure))
      : (fiber.pollUnsafe() ?? Exit.failCause(uninterruptible))
    return { outcome, exit, time, ...reportOf(world) }
  })

/** State of a run. */
type World = ReturnType<typeof makeWorld>

/** Creates the clock, the faults and the network of a run. */
const makeWorld = ({ decisions, dissectors, link, plan = [], preempt, record, seed = 1, tap }: Options) => {
  const strategy =
    decisions === undefined ? (preempt === undefined ? undefined : { seed: `fibers ${seed}`, preempt }) : { decisions }
  const fibers = strategy && SimSchedulerQueue.make(strategy, Number.POSITIVE_INFINITY, true)
  const clock = SimClock.make(fibers)
  const names = new Map<string, string>()
  const nameOf = (address: string) => names.get(address)
  const faults = plan.length === 0 ? undefined : FaultEngine.make(plan, { seed, dissectors, nameOf })
  const observe: Packet.Tap | undefined =
    record === undefined
      ? tap
      : (packet) => {
          record({ _tag: "Packet", at: clock.now(), packet })
          tap?.(packet)
        }
  const network = SimNetwork.make(SimLan.make({ clock, random: mulberry32(seed), link, faults, tap: observe }))
  return {
    clock,
    seed,
    record,
    fibers,
    faults,
    network,
    names,
    hosts: new Map<string, SimHost.SimHost>(),
    labels: new Set<string>(),
    reached: new Set<string>(),
    /** First failure of a program in the background. */
    failure: undefined as Cause.Cause<unknown> | undefined,
    /** True once the scenario has ended: faults of hosts no longer begin. */
    hasEnded: false
  }
}

const makeSimulation = (world: World, scope: Scope.Scope): Simulation => ({
  host: (name, options) =>
    Effect.sync(() => {
      const node = world.network.add(name, options)
      for (const { literal } of node.interfaces) world.names.set(literal, name)
      const { faults, network, record, seed } = world
      const onFailure = (cause: Cause.Cause<unknown>) => {
        world.failure ??= cause
      }
      const host = SimHost.make({ network, node, scope, onFailure, seed, options, faults, record })
      world.hosts.set(name, host)
      return host
    }),
  link: (one, other, link) => Effect.sync(() => world.network.lan.link(one, other, link)),
  heal: Effect.sync(() => {
    world.faults?.heal(world.clock.now())
    recordLinks(world, "heal", "")
  }),
  partition: (one, other) => Effect.sync(() => recordLinks(world, "partition", `${one.join()}|${other.join()}`)),
  repair: (one, other) => Effect.sync(() => recordLinks(world, "repair", `${one.join()}|${other.join()}`)),
  hold: (one, other) => Effect.sync(() => recordLinks(world, "hold", `${one}|${other}`)),
  release: (one, other) => Effect.sync(() => recordLinks(world, "release", `${one}|${other}`)),
  digest: (label, state) =>
    Effect.sync(() => {
      const bytes = new TextEncoder().encode(JSON.stringify(state) ?? "undefined")
      world.record?.({ _tag: "Digest", at: world.clock.now(), host: undefined, label, bytes })
    }),
  sometimes: (label, isReached = true) =>
    Effect.sync(() => {
      world.labels.add(label)
      if (!isReached) return
      if (!world.reached.has(label)) world.record?.({ _tag: "Reached", at: world.clock.now(), label })
      world.reached.add(label)
    })
})

const recordLinks = ({ clock, record }: World, event: Recording.LinkEvent["event"], detail: string) =>
  record?.({ _tag: "Link", at: clock.now(), event, detail })

/** Schedules the crashes, restarts, pauses and wrong clocks of the plan. */
const scheduleHostEvents = (world: World, fork: (effect: Effect.Effect<void>) => unknown) => {
  const events = world.faults?.hostEvents() ?? []
  for (const event of events) {
    world.clock.schedule(event.at, () => {
      const host = world.hosts.get(event.host)
      if (host === undefined || world.hasEnded) return
      world.faults?.recordHostEvent(event)
      const end = events.find((other) => other.ruleIndex === event.ruleIndex && other.event === "resume")
      fork(hostAction(host, event, end?.at))
    })
  }
}

/** Returns what a host does at an event of the plan. */
const hostAction = (host: SimHost.SimHost, event: FaultEngine.HostEvent, resumeAt = Number.POSITIVE_INFINITY) => {
  switch (event.event) {
    case "crash":
      return host.crash
    case "restart":
      return host.restart
    case "pause":
      return host.pauseUntil(resumeAt)
    case "resume":
      return Effect.void
    case "jump":
      return host.jumpClock(Duration.nanos(BigInt(event.by)))
    case "drift":
      return host.setDrift(event.ppm)
  }
}

const reportOf = ({ clock, faults, fibers, hosts, labels, network, reached }: World) => {
  const sockets = network.lan.nodes.reduce((sum, node) => {
    const stack = network.stackOf(node)
    return sum + (stack === undefined ? 0 : stack.udp.count() + stack.tcp.count())
  }, 0)
  return {
    packets: network.lan.packets(),
    hosts: [...hosts.keys()],
    faults: faults?.counts() ?? [],
    unused: faults?.unused() ?? [],
    concrete: faults?.concrete() ?? [],
    decisions: [...(fibers?.decisions() ?? [])],
    leaked: { sockets, timers: clock.sleepers() },
    reached,
    unreached: new Set([...labels].filter((label) => !reached.has(label)))
  }
}
