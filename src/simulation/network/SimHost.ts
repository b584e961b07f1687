/** A host of a simulated network, with its programs. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Dns from "effect/net/Dns"
import * as Path from "effect/Path"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Network } from "../../network/Network.ts"
import * as SimDisk from "../disk/SimDisk.ts"
import type * as FaultEngine from "../faults/FaultEngine.ts"
import type * as Recording from "../Recording.ts"
import * as HostTime from "../runtime/HostTime.ts"
import * as LogRecorder from "../runtime/LogRecorder.ts"
import * as OptionCheck from "../runtime/OptionCheck.ts"
import * as SimRandom from "../runtime/SimRandom.ts"
import type * as SimLan from "./SimLan.ts"
import type * as SimNetwork from "./SimNetwork.ts"

/** Services that programs on a host use. @category models @since 0.1.0 */
export type OnHost = Network | Dns.Dns | FileSystem.FileSystem | Path.Path | Scope.Scope

/** A simulated host. @category models @since 0.1.0 */
export interface SimHost {
  readonly name: string
  /** First address of the host, as an IP literal. */
  readonly address: string
  /** Network and disk of this host. A layer built before a crash stays disconnected after the restart. */
  readonly layer: Layer.Layer<Exclude<OnHost, Scope.Scope>>
  /** Disk of this host, which survives its crashes. */
  readonly disk: SimDisk.SimDisk
  /** Runs an effect on this host and waits for its result; a crash interrupts the effect. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, OnHost>>
  /**
   * Starts a program on this host, in the background. Returns once the program first waits; anything it does later may
   * not have happened yet. A restart after a crash starts the program again. A failure of the program fails the run.
   */
  readonly start: <E, R>(program: Effect.Effect<unknown, E, R>) => Effect.Effect<void, never, Exclude<R, OnHost>>
  /** Closes all sockets of the host without sending anything, then interrupts its programs. */
  readonly crash: Effect.Effect<void>
  /** Starts the programs again; does nothing if the host is up. */
  readonly restart: Effect.Effect<void>
  /** Pauses the host until a time, in nanoseconds since the start of the run; packets for it wait. */
  readonly pauseUntil: (time: number) => Effect.Effect<void>
  /** Moves the wall clock of the host, backwards if the duration is negative. Its sleeps last as long as before. */
  readonly jumpClock: (by: Duration.Input) => Effect.Effect<void>
  /** Sets the microseconds that the clocks of the host gain each second; its sleeps end earlier or later, too. */
  readonly setDrift: (ppm: number) => Effect.Effect<void>
}

/** Parts of a host. @category models @since 0.1.0 */
export interface Parts {
  readonly network: SimNetwork.SimNetwork
  readonly node: SimLan.Node
  /** Scope of the run. */
  readonly scope: Scope.Scope
  readonly onFailure: (cause: Cause.Cause<unknown>) => void
  /** Seed of the run. */
  readonly seed: number
  readonly options?: SimNetwork.HostOptions | undefined
  readonly faults?: FaultEngine.FaultEngine | undefined
  readonly record?: Recording.Recorder | undefined
  /** Called when a program first uses the disk. */
  readonly onDisk?: ((disk: SimDisk.SimDisk) => void) | undefined
  /** Wall clock of all hosts at the start of the run, in nanoseconds since 1970. Default 0. */
  readonly epochNanos?: number | undefined
}

/** Paths of a host: POSIX, with the working directory `/`. */
const posixPath = Effect.runSync(
  Effect.provide(
    Effect.map(Path.Path, (path) => Path.make({ ...path, resolve: (...parts) => path.resolve("/", ...parts) })),
    Path.layer
  )
)

/** Creates the disk of a host when it is first used. */
const makeDisk = ({ faults, network, node, onDisk, options, record, seed }: Parts, time: HostTime.HostTime) => {
  const { clock } = network.lan
  let disk: SimDisk.SimDisk | undefined
  return () => {
    if (disk !== undefined) return disk
    const { random } = SimRandom.make(`disk ${node.name} ${seed}`)
    disk = SimDisk.make({
      clock,
      random: random.nextDoubleUnsafe,
      name: node.name,
      options: options?.disk,
      fault: faults === undefined ? undefined : (operation) => faults.diskFault(node.name, operation, clock.now()),
      record,
      wallMillis: () => HostTime.wallMillisAt(time, clock.now()),
      pausedUntil: () => node.pausedUntil
    })
    onDisk?.(disk)
    return disk
  }
}

/** Returns a file system that is looked up at its first use; most programs have none. */
const lazyFileSystem = (get: () => FileSystem.FileSystem): FileSystem.FileSystem =>
  new Proxy({} as FileSystem.FileSystem, {
    get: (_, key) => Reflect.get(get(), key),
    has: (_, key) => Reflect.has(get(), key),
    ownKeys: () => Reflect.ownKeys(get()),
    // A proxy may show only configurable properties that its own target lacks.
    getOwnPropertyDescriptor: (_, key) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(get(), key)
      return descriptor && { ...descriptor, configurable: true }
    }
  })

/** Services of the programs of a host, from a start to the next crash. */
interface Life {
  readonly context: Context.Context<Exclude<OnHost, Scope.Scope>>
  readonly fileSystem: () => FileSystem.FileSystem
  readonly scope: Scope.Closeable
}

/** State of a host, which changes in place. */
interface Machine extends Parts {
  readonly time: HostTime.HostTime
  readonly getDisk: () => SimDisk.SimDisk
  /** Services that survive a crash. */
  readonly constant: Context.Context<Path.Path>
  readonly programs: Array<() => Effect.Effect<void>>
  life: Life
}

const recordEvent = ({ network, node, record }: Parts, event: Recording.HostEvent["event"], detail = "") =>
  record?.({ _tag: "Host", at: network.lan.clock.now(), host: node.name, event, detail })

const boot = ({ constant, getDisk, network, node, scope }: Omit<Machine, "life">): Life => {
  let files: FileSystem.FileSystem | undefined
  const fileSystem = () => {
    files ??= getDisk().fileSystem
    return files
  }
  const context = Context.merge(constant, network.contextOf(node)).pipe(
    Context.add(FileSystem.FileSystem, lazyFileSystem(fileSystem))
  )
  return { context, fileSystem, scope: Scope.forkUnsafe(scope) }
}

const nanosOf = (name: string, time: Duration.Input) => Math.round(OptionCheck.millis(name, time, true) * 1e6)

/** Throws for a drift with which a clock stands still, or runs more than twice as fast. */
const checkDrift = (ppm: number) =>
  OptionCheck.number("drift of a clock", ppm, -999_999, 1_000_000, "use a number of ppm from -999999 to 1000000")

const makeMachine = (parts: Parts): Machine => {
  const { epochNanos = 0, network, node, options, seed } = parts
  const { driftPpm = 0, offset = 0 } = options?.clock ?? {}
  checkDrift(driftPpm)
  // The disk itself is made when it is used.
  if (options?.disk !== undefined) SimDisk.check(options.disk)
  const time = HostTime.make(epochNanos + nanosOf("offset of a clock", offset), driftPpm)
  const hostClock = network.lan.clock.clockOf(() => node.pausedUntil, time)
  const constant = Context.make(Clock.Clock, hostClock).pipe(
    Context.add(LogRecorder.HostName, node.name),
    Context.add(Random.Random, SimRandom.make(`host ${node.name} ${seed}`).random),
    Context.add(Path.Path, posixPath)
  )
  const machine = { ...parts, time, getDisk: makeDisk(parts, time), constant, programs: [] }
  return { ...machine, life: boot(machine) }
}

/** Runs an effect with the services of the host. */
const onHost = <A, E, R>({ life }: Machine, effect: Effect.Effect<A, E, R>, scope: Scope.Scope) =>
  Effect.provideContext(effect, Context.add(life.context, Scope.Scope, scope)) as Effect.Effect<
    A,
    E,
    Exclude<R, OnHost>
  >

const crash = (self: Machine) => {
  const { getDisk, life, network, node } = self
  if (!node.up) return Effect.void
  node.up = false
  recordEvent(self, "crash")
  // Programs that end later must not get the file system of the next start.
  life.fileSystem()
  getDisk().crash()
  network.crash(node)
  // Finalizers that touch the crashed disk are interrupted: that concerns the programs, not who crashes the host.
  return Effect.asVoid(Effect.exit(Scope.close(life.scope, Exit.void)))
}

const restart = (self: Machine) => {
  const { network, node, programs } = self
  if (node.up) return Effect.void
  node.up = true
  recordEvent(self, "restart")
  // A restarted host is not paused.
  node.pausedUntil = 0
  network.boot(node)
  self.life = boot(self)
  return Effect.forEach(programs, (startProgram) => startProgram(), { discard: true })
}

const run = <A, E, R>(self: Machine, effect: Effect.Effect<A, E, R>) => {
  const scope = Scope.forkUnsafe(self.life.scope)
  const fiber = Effect.forkIn(onHost(self, effect, scope), self.life.scope, { startImmediately: true })
  return Effect.flatMap(fiber, joinAndClose(scope))
}

const start = <E, R>(self: Machine, program: Effect.Effect<unknown, E, R>, caller: Context.Context<never>) => {
  const reportingFailure = Effect.tapCause(program, (cause) =>
    Effect.sync(() => {
      if (!Cause.hasInterruptsOnly(cause)) self.onFailure(cause)
    })
  )
  const begin = () => {
    const { scope } = self.life
    const provided = Effect.provideContext(onHost(self, reportingFailure, scope), caller)
    return Effect.asVoid(Effect.forkIn(provided, scope, { startImmediately: true })) as Effect.Effect<void>
  }
  self.programs.push(begin)
  return begin()
}

/** Creates the programs' view of a node. @category constructors @since 0.1.0 */
export const make = (parts: Parts): SimHost => {
  const machine = makeMachine(parts)
  const { network, node } = parts
  const { clock } = network.lan
  recordEvent(parts, "start")
  return {
    name: node.name,
    address: node.interfaces[0]?.literal ?? "127.0.0.1",
    layer: Layer.effectContext(Effect.sync(() => machine.life.context)),
    get disk() {
      return machine.getDisk()
    },
    run: (effect) => Effect.suspend(() => run(machine, effect)),
    start: (program) => Effect.flatMap(Effect.context<never>(), (caller) => start(machine, program, caller)),
    crash: Effect.suspend(() => crash(machine)),
    restart: Effect.suspend(() => restart(machine)),
    pauseUntil: (until) =>
      Effect.sync(() => {
        node.pausedUntil = until
        recordEvent(parts, until > clock.now() ? "pause" : "resume")
      }),
    jumpClock: (by) =>
      Effect.sync(() => {
        HostTime.jump(machine.time, nanosOf("jump of a clock", by))
        recordEvent(parts, "jump", formatJump(by))
      }),
    setDrift: (ppm) =>
      Effect.sync(() => {
        checkDrift(ppm)
        clock.setDrift(machine.time, ppm)
        recordEvent(parts, "drift", `${ppm}ppm`)
      })
  }
}

const formatJump = (by: Duration.Input) => {
  const duration = Duration.fromInputUnsafe(by)
  const isBackwards = Duration.isNegative(duration)
  return `${isBackwards ? "-" : "+"}${Duration.format(isBackwards ? Duration.negate(duration) : duration)}`
}

const joinAndClose =
  (scope: Scope.Closeable) =>
  <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
    Effect.onExit(Fiber.join(fiber), (exit) => Scope.close(scope, exit))
