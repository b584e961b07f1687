/**
 * Executes a fault plan on real sockets, or on any other `Network`.
 *
 * The plan applies to the packets that a program sends and to those it receives; a packet between two of its own
 * sockets counts once, when it is sent.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Network from "../../network/Network.ts"
import type { Dissector, Packet, Tap } from "../../network/Packet.ts"
import type * as FaultEngine from "../faults/FaultEngine.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../faults/FaultPlanSyntax.ts"
import type { Seed } from "../faults/FaultRandom.ts"
import type * as FaultVerdict from "../faults/FaultVerdict.ts"
import * as DelayQueue from "./DelayQueue.ts"
import * as DirectionalEngine from "./DirectionalEngine.ts"
import * as ImpairedStream from "./ImpairedStream.ts"
import * as ImpairedUdp from "./ImpairedUdp.ts"
import * as StreamBuffers from "./StreamBuffers.ts"

/** A rule crashes, pauses or restarts a host, which only a simulation can do. @category errors @since 0.1.0 */
export class UnsupportedHostRule extends Data.TaggedClass("UnsupportedHostRule")<{
  readonly rule: FaultPlan.HostRule
}> {
  get message(): string {
    const { rule } = this
    return `${FaultPlanSyntax.formatRule(rule)}: only simulated hosts have the fault ${rule.action}; leave the rule out`
  }
}

/** A rule names a host; on this network, hosts have only addresses. @category errors @since 0.1.0 */
export class UnsupportedHostName extends Data.TaggedClass("UnsupportedHostName")<{ readonly host: string }> {
  get message(): string {
    return `unknown host ${this.host}: this network has no host names; use an IP address, such as 127.0.0.1, or *`
  }
}

/** The plan cannot be executed on this network. @category errors @since 0.1.0 */
export class ImpairmentError extends Data.TaggedError("ImpairmentError")<{
  readonly reason: UnsupportedHostRule | UnsupportedHostName
}> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * An observer of an impaired network: a tap, and a function such as `Capture.wrap` that applies a tap to a network.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observer {
  readonly tap: Tap
  readonly wrap: (network: Network.Network["Service"], tap: Tap) => Effect.Effect<Network.Network["Service"]>
}

/** Options of an impairment. @category models @since 0.1.0 */
export interface Options {
  /** Seed of all random choices. Default 0. */
  readonly seed?: Seed | undefined
  /** Dissectors that determine the kind of a payload, for rules with `kind=`. Default: none. */
  readonly dissectors?: ReadonlyArray<Dissector> | undefined
  /** Observer of every packet, as it is on the wire, with the fault applied to it. Default: none. */
  readonly observer?: Observer | undefined
  /** True if `replace` can give it rules for any transport: both are then impaired from the start. Default false. */
  readonly changeable?: boolean | undefined
}

const fail = (reason: ImpairmentError["reason"]) => Result.fail(new ImpairmentError({ reason }))

/**
 * Returns the plan if a real network can execute it: its hosts are IP addresses or `*`, and no rule is about a host.
 * Fails with `UnsupportedHostRule` or `UnsupportedHostName`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = (plan: FaultPlan.FaultPlan): Result.Result<FaultPlan.FaultPlan, ImpairmentError> => {
  for (const rule of plan) {
    if (FaultPlan.isHostRule(rule)) return fail(new UnsupportedHostRule({ rule }))
    const host = FaultPlan.hostsOf(rule).find((host) => FaultPlan.canonicalIp(host) === undefined)
    if (host !== undefined) return fail(new UnsupportedHostName({ host }))
  }
  return Result.succeed(plan)
}

/** Formats the counts of a plan as one line: `drop=5% 12 times, dup=#3 never`. */
const formatCounts = (plan: FaultPlan.FaultPlan, counts: ReadonlyArray<number>): string =>
  plan
    .map((rule, index) => {
      const count = counts[index]!
      return `${FaultPlanSyntax.formatRule(rule)} ${count === 0 ? "never" : count === 1 ? "once" : `${count} times`}`
    })
    .join(", ")

/** Direction of a packet, as the impaired program sees it. @category models @since 0.1.0 */
export type Direction = DirectionalEngine.Direction

/** A fault plan with the engine that executes it. @category models @since 0.1.0 */
export interface Impairment {
  /** The plan in force. */
  readonly plan: FaultPlan.FaultPlan
  /**
   * Engine of the plan in force, with the counts of both directions.
   *
   * A plan without numbered packets (`#3`) has random choices for each direction of its own: the nth datagram in a
   * direction has the same fate in every run with the same seed, however requests and replies interleave.
   */
  readonly engine: FaultEngine.FaultEngine
  /** Returns the number of times that each rule was applied, as one line; empty for an empty plan. */
  readonly summary: () => string
  /** Returns the verdict on a packet. `now` is the time of the plan in nanoseconds. */
  readonly decide: (direction: Direction, packet: Packet, now: number) => FaultVerdict.Verdict
  /**
   * Replaces the plan, whose time and counts begin anew. Data that wait in streams are sent at once; datagrams that
   * wait keep their time. Fails as `check` does, and then the old plan stays.
   *
   * Only an impairment that is `changeable` applies rules for a transport that the first plan has no rules for.
   */
  readonly replace: (plan: FaultPlan.FaultPlan) => Result.Result<void, ImpairmentError>
  /** Ends all faults: every packet from now on is delivered, and data that wait in streams are sent at once. */
  readonly heal: () => void
  /** True once `heal` has ended the faults of the plan in force. */
  readonly isHealed: boolean
  /** True if the plan can be replaced by one for other transports. */
  readonly changeable: boolean
  /** Calls a function after each `replace` and `heal`. Returns the function that ends this. */
  readonly onChange: (listener: () => void) => () => void
}

/** Creates an impairment. Fails as `check` does. @category constructors @since 0.1.0 */
export const make = (
  plan: FaultPlan.FaultPlan,
  { changeable = false, dissectors, seed }: Options = {}
): Result.Result<Impairment, ImpairmentError> =>
  Result.map(check(plan), () => {
    const engineOf = (next: FaultPlan.FaultPlan) => DirectionalEngine.make(next, { seed, dissectors })
    const listeners = new Set<() => void>()
    let inForce = { plan, engine: engineOf(plan), isHealed: false }
    const changed = () => {
      for (const listener of [...listeners]) listener()
    }
    return {
      get plan() {
        return inForce.plan
      },
      get engine() {
        return inForce.engine
      },
      get isHealed() {
        return inForce.isHealed
      },
      changeable,
      summary: () => formatCounts(inForce.plan, inForce.engine.counts()),
      decide: (direction, packet, now) => inForce.engine.decideFor(direction, packet, now),
      replace: (next) =>
        Result.map(check(next), () => {
          inForce = { plan: next, engine: engineOf(next), isHealed: false }
          changed()
        }),
      heal: () => {
        inForce.engine.heal(0)
        inForce.isHealed = true
        changed()
      },
      onChange: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
    }
  })

/** Returns the smallest queue of the bandwidths of a plan, in bytes; undefined without one. */
const queueBytesOf = (plan: FaultPlan.FaultPlan): number | undefined => {
  const queues = plan.flatMap((rule) => ("queue" in rule && typeof rule.queue === "number" ? [rule.queue] : []))
  return queues.length === 0 ? undefined : Math.min(...queues)
}

/** Losses of an impaired network that are not faults of the plan. @category models @since 0.1.0 */
export interface Losses {
  /** Datagrams that were lost because the delay queue was full. */
  delayQueue: number
}

/**
 * Returns a network that applies the plan to the packets of `network`; the time of the plan begins now.
 *
 * Limits: at most 32 MiB of datagrams wait for their time; further ones are lost, and counted in `losses`. In each
 * direction of a stream 6 MiB wait for their time, and 64 KiB for a reader; in all streams 256 MiB. Then writers wait.
 * Packets that still wait when the scope closes are not sent; a closing connection waits up to ten seconds for its last
 * bytes.
 *
 * A transport without rules in the plan is not impaired, nor are Unix domain sockets. RST is never delayed, nor is the
 * FIN of a connection that closes without `end` when nothing else waits.
 *
 * The observer receives datagrams lost on either side of the wire, and stream data that never leave. Inbound packets
 * are reported as they arrived; of outbound data that leave in several pieces, the first has the note. The tap must not
 * be applied to `network` already.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wrap = Effect.fnUntraced(function* (
  network: Network.Network["Service"],
  impairment: Impairment,
  options: Pick<Options, "observer"> & { readonly losses?: Losses | undefined } = {}
): Effect.fn.Return<Network.Network["Service"], never, Scope.Scope> {
  const { losses, observer } = options
  const clock = yield* Clock.Clock
  const delayQueue = yield* DelayQueue.make
  const interfaces = yield* network.interfaces
  const queueBytes = () => queueBytesOf(impairment.plan)
  let startNanos = 0
  const injector: DelayQueue.FaultInjector = {
    delayQueue,
    streamBuffers: StreamBuffers.make(queueBytes),
    decide: (direction, packet) => impairment.decide(direction, packet, delayQueue.now() - startNanos),
    overflowed: () => {
      if (losses !== undefined) losses.delayQueue++
    },
    report: (packet, fault, lost = false) =>
      observer?.tap({ ...packet, at: clock.currentTimeNanosUnsafe(), host: "local", fault, lost })
  }
  const streams = ImpairedStream.make(injector, yield* Effect.scope)
  const onChange = () => {
    if (!impairment.isHealed) startNanos = delayQueue.now()
    streams.hasten()
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => impairment.onChange(onChange)),
    (stop) => Effect.sync(stop)
  )
  const annotatingTap: Tap = (packet) =>
    observer?.tap({ ...packet, fault: streams.faultNoteOf(packet) ?? packet.fault })
  const observed = observer === undefined ? network : yield* observer.wrap(network, annotatingTap)
  const hasRulesFor = (transport: "udp" | "tcp") =>
    impairment.changeable || impairment.plan.some((rule) => FaultPlan.appliesTo(rule, transport))
  const [udp, tcp] = [hasRulesFor("udp"), hasRulesFor("tcp")]
  return {
    listen: (options) => (tcp ? Effect.map(observed.listen(options), streams.listener) : observed.listen(options)),
    connect: (remote) => (tcp ? streams.connect(remote, observed.connect(remote)) : observed.connect(remote)),
    udp: udp
      ? ImpairedUdp.make(network, interfaces, injector)
      : (options, onDatagram, onError) => observed.udp(options, onDatagram, onError),
    interfaces: network.interfaces,
    availableSockets: () => network.availableSockets()
  }
})

/**
 * Impairs all packets of a program on the underlying network. Logs the plan at the start, and the counts at the end.
 *
 * Put it between the program and its network: `Layer.provideMerge(Impairment.layer(plan), NodeServices.layer)`.
 *
 * **Example** (Duplicate a datagram on real sockets)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { FaultPlanSyntax, Impairment } from "effect-inet/simulation"
 *
 * const received: Array<string> = []
 * const program = Effect.gen(function* () {
 *   const { udp } = yield* Network.Network
 *   const server = yield* udp({}, (bytes) => received.push(new TextDecoder().decode(bytes)))
 *   const client = yield* udp({}, () => {})
 *   yield* client.send(new TextEncoder().encode("Hello"), { address: "127.0.0.1", port: server.local.port })
 *   while (received.length < 2) yield* Effect.sleep("1 millis")
 * })
 * const impaired = Layer.provide(Impairment.layer(FaultPlanSyntax.parseUnsafe("dup=#1")), NodeNetwork.layer)
 * await Effect.runPromise(Effect.provide(Effect.scoped(program), impaired))
 * received // => ["Hello", "Hello"]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  plan: FaultPlan.FaultPlan,
  options: Options = {}
): Layer.Layer<Network.Network, ImpairmentError, Network.Network> =>
  Layer.effect(
    Network.Network,
    Effect.gen(function* () {
      const network = yield* Network.Network
      const impairment = yield* Effect.fromResult(make(plan, options))
      if (plan.length === 0) return network
      const what = `${FaultPlanSyntax.format(plan)} (seed ${options.seed ?? 0})`
      yield* Effect.logInfo(`impaired by ${what}; child processes and worker threads are not impaired`)
      yield* Effect.addFinalizer(() => Effect.logInfo(`faults applied: ${impairment.summary()}`))
      return yield* wrap(network, impairment, options)
    })
  )
