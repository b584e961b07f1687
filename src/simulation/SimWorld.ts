/** World of a run: its clock, network, hosts, faults and random numbers, and the record of what happens in it. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type * as Packet from "../network/Packet.ts"
import type * as SimDisk from "./disk/SimDisk.ts"
import * as FaultEngine from "./faults/FaultEngine.ts"
import type * as FaultPlan from "./faults/FaultPlan.ts"
import * as SimHost from "./network/SimHost.ts"
import * as SimLan from "./network/SimLan.ts"
import * as SimNetwork from "./network/SimNetwork.ts"
import type * as Recording from "./Recording.ts"
import * as CanonicalJson from "./runtime/CanonicalJson.ts"
import type * as Hooks from "./runtime/globals/Hooks.ts"
import * as SimGlobals from "./runtime/globals/SimGlobals.ts"
import * as HostTime from "./runtime/HostTime.ts"
import * as LogRecorder from "./runtime/LogRecorder.ts"
import * as ModuleCounters from "./runtime/ModuleCounters.ts"
import * as PlatformCalls from "./runtime/PlatformCalls.ts"
import * as PromiseDrain from "./runtime/PromiseDrain.ts"
import * as SimClock from "./runtime/SimClock.ts"
import * as SimRandom from "./runtime/SimRandom.ts"
import * as SimSchedulerQueue from "./runtime/SimSchedulerQueue.ts"
import * as SimTracer from "./runtime/SimTracer.ts"

/** Options of a world: see `Simulation.Options`. */
export interface Options {
  readonly seed: number
  readonly plan?: FaultPlan.FaultPlan | undefined
  readonly dissectors?: ReadonlyArray<Packet.Dissector> | undefined
  readonly link?: SimLan.LinkOptions | undefined
  readonly preempt?: number | undefined
  readonly decisions?: ReadonlyArray<SimSchedulerQueue.Decision> | undefined
  readonly tap?: Packet.Tap | undefined
  readonly record?: Recording.Recorder | undefined
  readonly globals?: "virtual" | "real" | undefined
  readonly promises?: boolean | undefined
  readonly epochMillis?: number | undefined
}

/** State of a run, which changes in place. */
export interface World {
  readonly options: Options
  readonly seed: number
  readonly epochNanos: number
  readonly clock: SimClock.SimClock
  /** Clock of the scenario, which is right. */
  readonly scenarioClock: SimClock.HostClock
  readonly record: Recording.Recorder | undefined
  readonly fibers: SimSchedulerQueue.SimSchedulerQueue | undefined
  readonly faults: FaultEngine.FaultEngine | undefined
  readonly network: SimNetwork.SimNetwork
  /** Names of hosts by address. */
  readonly names: Map<string, string>
  readonly hosts: Map<string, SimHost.SimHost>
  /** Disks that programs have used, by host. */
  readonly disks: Map<string, SimDisk.SimDisk>
  readonly labels: Set<string>
  readonly reached: Set<string>
  readonly promises: PromiseDrain.PromiseDrain
  readonly calls: PlatformCalls.PlatformCalls
  /** First failure of a program in the background. */
  failure: Cause.Cause<unknown> | undefined
  /** True once the scenario has ended: faults of hosts no longer begin. */
  hasEnded: boolean
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

const strategyOf = ({ decisions, preempt, seed }: Options): SimSchedulerQueue.Strategy | undefined => {
  if (decisions !== undefined) return { decisions }
  return preempt === undefined ? undefined : { seed: `fibers ${seed}`, preempt }
}

const neverPaused = () => 0

/** Creates the clock, the faults and the network of a run. */
export const make = (options: Options): World => {
  const { dissectors, epochMillis = 0, link, plan = [], record, seed, tap } = options
  const strategy = strategyOf(options)
  const onSwitch =
    record &&
    ((point: string, choice: number, fiber: string, step: string | undefined) =>
      record({ _tag: "Switch", at: clock.now(), point, choice, fiber, step }))
  const fibers = strategy && SimSchedulerQueue.make(strategy, Number.POSITIVE_INFINITY, true, undefined, onSwitch)
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
  const epochNanos = Math.round(epochMillis * 1e6)
  return {
    ...{ options, seed, epochNanos, clock, record, fibers, faults, network, names },
    scenarioClock: clock.clockOf(neverPaused, HostTime.make(epochNanos)),
    ...{ hosts: new Map(), disks: new Map(), labels: new Set(), reached: new Set() },
    promises: PromiseDrain.make(options.promises),
    calls: PlatformCalls.make(),
    failure: undefined,
    hasEnded: false
  }
}

/** Returns the run as the globals see it, which ask it for time and random numbers. */
const hooksOf = (world: World): Hooks.Run => {
  const { calls, clock, promises, scenarioClock, seed } = world
  return {
    clock,
    hostClock: () => {
      const current: Clock.Clock | undefined = Fiber.getCurrent()?.getRef(Clock.Clock)
      return current !== undefined && SimClock.isHostClock(current) ? current : scenarioClock
    },
    random: SimRandom.make(`globals ${seed}`),
    timers: new Map(),
    onError: (error) => {
      world.failure ??= Cause.die(error)
    },
    onPromise: promises.onPromise,
    onThen: (args, called) => {
      promises.onPromise()
      return calls.pending(args, called)
    },
    onCall: calls.add,
    settle: promises.settle
  }
}

/** Returns actions that make the globals those of a run, and restore them; each may be repeated. */
export const globalsOf = (world: World): { readonly enter: () => void; readonly leave: () => void } => {
  if (world.options.globals === "real") return { enter: constVoid, leave: constVoid }
  const hooks = hooksOf(world)
  const counters = ModuleCounters.make()
  let restore: (() => void) | undefined
  return {
    enter: () => {
      if (restore !== undefined) return
      counters.exchange()
      restore = SimGlobals.enter(hooks)
    },
    leave: () => {
      if (restore === undefined) return
      restore()
      restore = undefined
      counters.exchange()
    }
  }
}

/** Adds the services of the run to those that the scenario needs. */
export const contextOf = <R>(world: World, outer: Context.Context<R>): Context.Context<R> => {
  const { clock, options, record, scenarioClock, seed } = world
  const context = Context.add(outer, Clock.Clock, scenarioClock).pipe(
    Context.add(Scheduler.Scheduler, clock.scheduler),
    Context.add(Random.Random, SimRandom.make(`${seed}`).random)
  )
  // With virtual globals the ids of spans are seeded anyway.
  const traced =
    options.globals === "real" && Context.get(outer, Tracer.Tracer) === Tracer.nativeTracer
      ? Context.add(context, Tracer.Tracer, SimTracer.make(SimRandom.make(`spans ${seed}`)))
      : context
  return (record === undefined ? traced : LogRecorder.add(traced, clock.now, record)) as Context.Context<R>
}

const recordLinks = ({ clock, record }: World, event: Recording.LinkEvent["event"], detail: string) =>
  record?.({ _tag: "Link", at: clock.now(), event, detail })

/** Returns an action on all pairs of two groups of hosts, which the record shows once. */
const betweenGroups =
  (world: World, event: "partition" | "repair") => (one: ReadonlyArray<string>, other: ReadonlyArray<string>) =>
    Effect.sync(() => {
      for (const a of one) for (const b of other) world.network.lan[event](a, b)
      recordLinks(world, event, `${one.join()}|${other.join()}`)
    })

const onLink = (world: World, event: "hold" | "release") => (one: string, other: string) =>
  Effect.sync(() => {
    world.network.lan[event](one, other)
    recordLinks(world, event, `${one}|${other}`)
  })

const addHost = (world: World, scope: Scope.Scope, name: string, options?: SimNetwork.HostOptions) => {
  const { disks, epochNanos, faults, network, record, seed } = world
  const node = network.add(name, options)
  for (const { literal } of node.interfaces) world.names.set(literal, name)
  const host = SimHost.make({
    ...{ network, node, scope, seed, options, faults, record, epochNanos },
    onFailure: (cause) => {
      world.failure ??= cause
    },
    onDisk: (disk) => disks.set(name, disk)
  })
  world.hosts.set(name, host)
  return host
}

/** Creates what a scenario does with its world: see `Simulation.Simulation`. */
export const verbsOf = (world: World, scope: Scope.Scope) => ({
  host: (name: string, options?: SimNetwork.HostOptions) => Effect.sync(() => addHost(world, scope, name, options)),
  link: (one: string, other: string, link: SimLan.LinkOptions) =>
    Effect.sync(() => world.network.lan.link(one, other, link)),
  heal: Effect.sync(() => {
    world.faults?.heal(world.clock.now())
    world.network.lan.heal()
    recordLinks(world, "heal", "")
  }),
  partition: betweenGroups(world, "partition"),
  repair: betweenGroups(world, "repair"),
  hold: onLink(world, "hold"),
  release: onLink(world, "release"),
  digest: (label: string, state: unknown) => Effect.sync(() => recordDigest(world, undefined, label, state)),
  sometimes: (label: string, isReached = true) =>
    Effect.sync(() => {
      world.labels.add(label)
      if (!isReached) return
      if (!world.reached.has(label)) world.record?.({ _tag: "Reached", at: world.clock.now(), label })
      world.reached.add(label)
    })
})

const recordDigest = ({ clock, record }: World, host: string | undefined, label: string, state: unknown) => {
  if (record === undefined) return
  record({ _tag: "Digest", at: clock.now(), host, label, bytes: CanonicalJson.encode(state) })
}

/** Records the files of all disks, as a digest of each host. */
export const recordDisks = (world: World): void => {
  if (world.record === undefined) return
  for (const [host, disk] of world.disks) {
    const files = Array.from(disk.image(), ([path, bytes]) => [path, textOf(bytes)] as const)
    if (files.length > 0) recordDigest(world, host, "disk", Object.fromEntries(files))
  }
}

/** Returns a file as text if it is UTF-8, otherwise its bytes. */
const textOf = (bytes: Uint8Array): string | Uint8Array => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes
  }
}

/** Schedules the crashes, restarts, pauses and wrong clocks of the plan. */
export const scheduleHostEvents = (world: World, fork: (effect: Effect.Effect<void>) => unknown) => {
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
      return host.pauseUntil(event.at)
    case "jump":
      return host.jumpClock(Duration.nanos(BigInt(event.by)))
    case "drift":
      return host.setDrift(event.ppm)
  }
}

/** Returns what a report says about the world at the end of a run. */
export const reportOf = (world: World, isDeadlocked: boolean) => {
  const { calls, clock, faults, fibers, hosts, labels, network, reached } = world
  const sockets = network.lan.nodes.reduce((sum, node) => {
    const stack = network.stackOf(node)
    return sum + (stack === undefined ? 0 : stack.udp.count() + stack.tcp.count())
  }, 0)
  const platform = calls.report()
  return {
    packets: network.lan.packets(),
    hosts: [...hosts.keys()],
    faults: faults?.counts() ?? [],
    unused: faults?.unused() ?? [],
    concrete: faults?.concrete() ?? [],
    decisions: [...(fibers?.decisions() ?? [])],
    calls: isDeadlocked ? [...platform.calls, ...platform.pending] : platform.calls,
    leaked: { sockets, timers: clock.sleepers() },
    reached,
    unreached: new Set([...labels].filter((label) => !reached.has(label)))
  }
}
