/**
 * A bad network made of a good one: a fault plan carried out on real sockets, or on any other `Network`.
 *
 * Datagrams are lost, doubled, delayed, held back, changed and cut short; streams are slow, stand still, come in small
 * pieces, end early. What a program sends and what it receives meets the plan; a packet between two of its own sockets
 * does so once, when it is sent.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Network from "../../network/Network.ts"
import type { Dissector, Tap } from "../../network/Packet.ts"
import * as FaultEngine from "../faults/FaultEngine.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../faults/FaultPlanSyntax.ts"
import type { Seed } from "../faults/FaultRandom.ts"
import * as DelayQueue from "./DelayQueue.ts"
import * as ImpairedStream from "./ImpairedStream.ts"
import * as ImpairedUdp from "./ImpairedUdp.ts"

/** A rule crashes, pauses or restarts a host; only a simulation can do that. @category errors @since 0.1.0 */
export class UnsupportedHostRule extends Data.TaggedClass("UnsupportedHostRule")<{ readonly rule: FaultPlan.HostRule }> {
  get message(): string {
    const { rule } = this
    return `${FaultPlanSyntax.formatRule(rule)}: only a simulated host can ${rule.action}; leave the rule out`
  }
}

/** A host is named; on this network they have addresses only. @category errors @since 0.1.0 */
export class UnsupportedHostName extends Data.TaggedClass("UnsupportedHostName")<{ readonly host: string }> {
  get message(): string {
    return `there is no host ${this.host} here: name hosts by IP address, such as 127.0.0.1, or *`
  }
}

/** A plan cannot be carried out on this network. @category errors @since 0.1.0 */
export class ImpairmentError extends Data.TaggedError("ImpairmentError")<{ readonly reason: UnsupportedHostRule | UnsupportedHostName }> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * Who listens in on an impaired network: a tap, and what tells it of a network without faults, such as `Capture.wrap`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observer {
  readonly tap: Tap
  readonly wrap: (network: Network.Network["Service"], tap: Tap) => Effect.Effect<Network.Network["Service"]>
}

/** @category models @since 0.1.0 */
export interface Options {
  /** Default 0. */
  readonly seed?: Seed | undefined
  /** Who tells the kind of a payload, for rules with `kind=`. Default: nobody. */
  readonly dissectors?: ReadonlyArray<Dissector> | undefined
  /** Is told of every packet once, as it is on the wire, and what a fault does to it. Default: nobody. */
  readonly observer?: Observer | undefined
}

const fail = (reason: ImpairmentError["reason"]) => Result.fail(new ImpairmentError({ reason }))

/**
 * The plan, if a real network can be made to do as it says: its hosts are IP addresses or `*`, and none of them has to
 * crash, pause or restart. Fails with `HostRule` or `HostName`.
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

/** How often each rule of a plan was applied, as one line: `drop=5% 12 times, dup=#3 never`. */
const formatCounts = (plan: FaultPlan.FaultPlan, counts: ReadonlyArray<number>): string =>
  plan
    .map((rule, index) => {
      const count = counts[index]!
      return `${FaultPlanSyntax.formatRule(rule)} ${count === 0 ? "never" : count === 1 ? "once" : `${count} times`}`
    })
    .join(", ")

/** A plan that is carried out, and what it is called. @category models @since 0.1.0 */
export interface Impairment {
  readonly plan: FaultPlan.FaultPlan
  readonly engine: FaultEngine.FaultEngine
  /** How often each rule was applied so far, as one line; empty for an empty plan. */
  readonly summary: () => string
}

/** A plan, ready to be carried out. Fails as `check` does. @category constructors @since 0.1.0 */
export const make = (
  plan: FaultPlan.FaultPlan,
  { dissectors, seed }: Options = {}
): Result.Result<Impairment, ImpairmentError> =>
  Result.map(check(plan), () => {
    const engine = FaultEngine.make(plan, { seed, dissectors })
    return { plan, engine, summary: () => formatCounts(plan, engine.counts()) }
  })

/**
 * The same network, which does to packets what the plan says; its time begins now. What waits for its time is at most
 * 32 MiB of datagrams, and 64 KiB of each direction of a stream; datagrams beyond are lost, writers beyond wait. What
 * still waits when the scope closes is not sent; a closing connection waits up to ten seconds for its last bytes.
 *
 * A transport the plan has no rules about is left alone, and so are paths of the file system. RST is never kept back,
 * nor is the FIN of a connection that closes without `end` when nothing else waits.
 *
 * Whoever is `listening` is told of datagrams that are lost on either side of the wire, and of what a stream sends that
 * never leaves it. What comes in is told as it came; of a piece that leaves in several, the first has the note. The
 * network itself is not to be one that tells the same tap.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wrap = Effect.fnUntraced(function* (
  network: Network.Network["Service"],
  { engine, plan }: Impairment,
  { observer }: Pick<Options, "observer"> = {}
): Effect.fn.Return<Network.Network["Service"], never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const delayQueue = yield* DelayQueue.make
  const interfaces = yield* network.interfaces
  const injector: DelayQueue.FaultInjector = {
    delayQueue,
    decide: (packet) => engine.decide(packet, delayQueue.now()),
    report: (packet, fault, lost = false) =>
      observer?.tap({ ...packet, at: clock.currentTimeNanosUnsafe(), host: "local", fault, lost })
  }
  const streams = ImpairedStream.make(injector, yield* Effect.scope)
  const annotatingTap: Tap = (packet) => observer?.tap({ ...packet, fault: streams.faultNoteOf(packet) })
  const observed = observer === undefined ? network : yield* observer.wrap(network, annotatingTap)
  const hasRulesFor = (transport: "udp" | "tcp") => plan.some((rule) => FaultPlan.appliesTo(rule, transport))
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
 * Impairs all that a program does on the network beneath, and says in the log at start what it does, and at the end how
 * often. Put it between the program and its network: `Layer.provideMerge(Impairment.layer(plan), NodeHost.layer)`.
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
