/**
 * A fault plan: the faults of a network as a value, which is a list of rules.
 *
 * A rule selects packets and states what happens to them. Each rule counts all packets that match it, independent of
 * the other rules; rules that apply to the same packet do so in the order of the plan.
 *
 * Times are whole nanoseconds; those of windows are since the start of the run. `FaultPlanSyntax` reads and writes
 * plans as one line of text, `FaultEngine` executes them.
 */
import * as Data from "effect/Data"
import { dual } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const intBetween = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const maxInteger = Number.MAX_SAFE_INTEGER
const Nanos = intBetween(0, maxInteger)
const Natural = intBetween(0, maxInteger)
const Count = intBetween(1, maxInteger)

const orderedBounds = (minLength: number, message: string) =>
  Schema.makeFilter(({ from, to }: { readonly from: number; readonly to?: number }) =>
    to === undefined || to - from >= minLength ? undefined : `${message} (from ${from} to ${to})`
  )

/**
 * A duration in nanoseconds: drawn uniformly, both bounds inclusive; fixed if they are equal.
 *
 * @category models
 * @since 0.1.0
 */
export const Range = Schema.Struct({ from: Nanos, to: Nanos }).check(
  orderedBounds(0, "a range must not end before its start")
)
/**
 * A duration in nanoseconds: drawn uniformly, both bounds inclusive; fixed if they are equal.
 *
 * @category models
 * @since 0.1.0
 */
export type Range = typeof Range.Type

/**
 * Numbers of matching packets, from 1, both bounds inclusive; without `to`, all from `from` on.
 *
 * @category models
 * @since 0.1.0
 */
export const Nth = Schema.Struct({ from: Count, to: Schema.optionalKey(Count) }).check(
  orderedBounds(0, "packet numbers must not end before their start")
)
/**
 * Numbers of matching packets, from 1, both bounds inclusive; without `to`, all from `from` on.
 *
 * @category models
 * @since 0.1.0
 */
export type Nth = typeof Nth.Type

/** A time window, the end exclusive; without `to`, it has no end. @category models @since 0.1.0 */
export const Window = Schema.Struct({ from: Nanos, to: Schema.optionalKey(Nanos) }).check(
  orderedBounds(1, "a window must end after its start")
)
/** A time window, the end exclusive; without `to`, it has no end. @category models @since 0.1.0 */
export type Window = typeof Window.Type

/** A percentage of the matching packets: over 0, at most 100, in steps of 0.001. @category models @since 0.1.0 */
export const Percent = Schema.Finite.check(
  Schema.makeFilter((percent) =>
    percent > 0 && percent <= 100 && Math.round(percent * 1000) / 1000 === percent
      ? undefined
      : `invalid rate ${percent}%: must be over 0% and at most 100%, with at most three decimals`
  )
)

const hostName = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/

/** Returns the canonical form of an IP address; undefined for a host name. @category combinators @since 0.1.0 */
export const canonicalIp = (host: string): string | undefined => {
  const parsed = NetAddress.ipFromString(host)
  return Result.isSuccess(parsed) ? NetAddress.formatIp(NetAddress.toCanonical(parsed.success)) : undefined
}

/** A host name or an IP address. @category models @since 0.1.0 */
export const Host = Schema.String.check(
  Schema.makeFilter((host) =>
    hostName.test(host) || canonicalIp(host) !== undefined
      ? undefined
      : `invalid host ${JSON.stringify(host)}: must be a host name or an IP address`
  )
)

/**
 * A pattern for one end of a packet's path: a host, or `*` for any, and a port, or any.
 *
 * @category models
 * @since 0.1.0
 */
export const EndpointPattern = Schema.Struct({
  host: Schema.Union([Schema.Literal("*"), Host]),
  port: Schema.optionalKey(intBetween(0, 65_535))
})
/**
 * A pattern for one end of a packet's path: a host, or `*` for any, and a port, or any.
 *
 * @category models
 * @since 0.1.0
 */
export type EndpointPattern = typeof EndpointPattern.Type

/** A source and a destination; with `both`, also the reverse direction. @category models @since 0.1.0 */
export const Pair = Schema.Struct({ from: EndpointPattern, to: EndpointPattern, both: Schema.Boolean })
/** A source and a destination; with `both`, also the reverse direction. @category models @since 0.1.0 */
export type Pair = typeof Pair.Type

/**
 * The kind of a packet: from a dissector (`ACK`), or its kind on the wire (`datagram`, `data`, `syn`...).
 *
 * @category models
 * @since 0.1.0
 */
export const Kind = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_.+/-]+$/))

/** Selection of packets, in every packet rule. Without `kind`, a rule matches only datagrams and stream data. */
const matching = {
  nth: Schema.optionalKey(Nth),
  percent: Schema.optionalKey(Percent),
  pair: Schema.optionalKey(Pair),
  kind: Schema.optionalKey(Kind),
  window: Schema.optionalKey(Window)
}

const packetRule = <const Action extends string, Fields extends Schema.Struct.Fields>(action: Action, fields: Fields) =>
  Schema.Struct({ action: Schema.Literal(action), ...fields, ...matching })

/** Faults of datagrams and streams; `transport` restricts them to one. */
const anyTransportRules = [
  packetRule("delay", { by: Range, transport: Schema.optionalKey(Schema.Literals(["udp", "tcp"])) })
] as const

/** Rules whose faults apply to datagrams only. */
const datagramRules = [
  packetRule("drop", {}),
  /** Additional copies, sent later by `after`. */
  packetRule("dup", { copies: intBetween(1, 1000), after: Range }),
  /** Holds a datagram until `by` later ones on the same path have overtaken it, at most for `within`. */
  packetRule("reorder", { by: Count, within: Range }),
  /** Flips one bit, counted from the most significant bit of the first byte; drawn from the seed by default. */
  packetRule("corrupt", { bit: Schema.optionalKey(Natural) }),
  /** Keeps the first `bytes` bytes; without `bytes`, a number drawn from the seed. */
  packetRule("truncate", { bytes: Schema.optionalKey(Natural) })
] as const

/** Faults of one direction of a stream; a reset ends both directions. */
const streamRules = [
  /** Blocks the direction for a time, or for ever. */
  packetRule("stall", { for: Schema.optionalKey(Range) }),
  /** Delivers the data in segments of at most `bytes` bytes. */
  packetRule("chunk", { bytes: Count }),
  /** Sends RST after `after` bytes of the selected data. */
  packetRule("reset", { after: Natural }),
  /** Sends FIN in place of the selected data after `after` bytes. */
  packetRule("cut", { after: Natural })
] as const

/** A rule about packets. @category models @since 0.1.0 */
export const PacketRule = Schema.Union([...anyTransportRules, ...datagramRules, ...streamRules])
/** A rule about packets. @category models @since 0.1.0 */
export type PacketRule = typeof PacketRule.Type

/** A partition between hosts: datagrams are lost, streams wait for its end. @category models @since 0.1.0 */
export const Partition = Schema.Struct({
  action: Schema.Literal("partition"),
  pair: Pair,
  window: Schema.optionalKey(Window)
})
/** A partition between hosts: datagrams are lost, streams wait for its end. @category models @since 0.1.0 */
export type Partition = typeof Partition.Type

const instantHostRule = <const Action extends string>(action: Action) =>
  Schema.Struct({ action: Schema.Literal(action), host: Host, at: Nanos })

const lastingHostRule = <const Action extends string>(action: Action) =>
  Schema.Struct({ action: Schema.Literal(action), host: Host, at: Nanos, until: Schema.optionalKey(Nanos) }).check(
    Schema.makeFilter(({ at, until }) =>
      until === undefined || until > at ? undefined : `a fault must end after its start (from ${at} to ${until})`
    )
  )

/**
 * A fault of a host. `pause` stops it until it resumes; `crash` loses its sockets and programs until it restarts;
 * `restart` starts it again. Without `until`, the fault does not end.
 *
 * @category models
 * @since 0.1.0
 */
export const HostRule = Schema.Union([lastingHostRule("pause"), lastingHostRule("crash"), instantHostRule("restart")])
/** A fault of a host: `pause`, `crash` or `restart`. @category models @since 0.1.0 */
export type HostRule = typeof HostRule.Type

/** A rule of a fault plan. @category models @since 0.1.0 */
export const Rule = Schema.Union([PacketRule, Partition, HostRule])
/** A rule of a fault plan. @category models @since 0.1.0 */
export type Rule = typeof Rule.Type

/** The name of a fault. @category models @since 0.1.0 */
export type Action = Rule["action"]

/**
 * A fault plan: a list of rules.
 *
 * **Example** (A plan as a value and as text)
 *
 * ```ts
 * import { FaultPlan, FaultPlanSyntax } from "effect-inet/simulation"
 *
 * const plan: FaultPlan.FaultPlan = [
 *   { action: "drop", nth: { from: 3, to: 3 } },
 *   { action: "delay", by: { from: 20e6, to: 40e6 }, transport: "tcp" }
 * ]
 * FaultPlanSyntax.format(plan) // => "drop=#3, delay=20ms..40ms tcp"
 * plan.flatMap(FaultPlan.hostsOf) // => []
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const FaultPlan = Schema.Array(Rule)
/** A fault plan: a list of rules. @category models @since 0.1.0 */
export type FaultPlan = typeof FaultPlan.Type

const actionsOf = (rules: ReadonlyArray<{ readonly fields: { readonly action: { readonly literal: string } } }>) =>
  rules.map(({ fields }) => fields.action.literal as PacketRule["action"])

/** Packet faults that exist for each transport. @category constants @since 0.1.0 */
export const actions: Readonly<Record<"udp" | "tcp", ReadonlyArray<PacketRule["action"]>>> = {
  udp: actionsOf([...anyTransportRules, ...datagramRules]),
  tcp: actionsOf([...anyTransportRules, ...streamRules])
}

/** Returns true for a rule about a host. @category guards @since 0.1.0 */
export const isHostRule = (rule: Rule): rule is HostRule => "host" in rule

/**
 * Returns true if a rule can apply to a transport: always for a partition, never for a rule about a host.
 *
 * **Example** (The rules for UDP)
 *
 * ```ts
 * import { FaultPlan, FaultPlanSyntax } from "effect-inet/simulation"
 *
 * const plan = FaultPlanSyntax.parseUnsafe("drop=#3, stall=#1, delay=10ms")
 * FaultPlanSyntax.format(plan.filter(FaultPlan.appliesTo("udp"))) // => "drop=#3, delay=10ms"
 * FaultPlan.appliesTo(plan[1]!, "udp") // => false
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const appliesTo: {
  (transport: "udp" | "tcp"): (rule: Rule) => boolean
  (rule: Rule, transport: "udp" | "tcp"): boolean
} = dual(
  2,
  (rule: Rule, transport: "udp" | "tcp"): boolean =>
    rule.action === "partition" ||
    (!isHostRule(rule) &&
      actions[transport].includes(rule.action) &&
      (rule.action !== "delay" || rule.transport === undefined || rule.transport === transport))
)

/**
 * Returns the duration of a fault; undefined if it is instantaneous or has no end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const durationOf = (rule: PacketRule): Range | undefined => {
  switch (rule.action) {
    case "delay":
      return rule.by
    case "dup":
      return rule.after
    case "reorder":
      return rule.within
    case "stall":
      return rule.for
    default:
      return undefined
  }
}

const list = (words: ReadonlyArray<string>) => new Intl.ListFormat("en", { type: "conjunction" }).format(words)

/** Syntax error in the text of a plan. `column` counts from 1. @category errors @since 0.1.0 */
export class Malformed extends Data.TaggedClass("Malformed")<{
  readonly column: number
  readonly expected: string
  /** Text at that column; empty at the end of the text. */
  readonly found: string
}> {
  get message(): string {
    const found = this.found === "" ? "the end" : JSON.stringify(this.found)
    return `column ${this.column}: expected ${this.expected}, found ${found}`
  }
}

/** A datagram fault for TCP, or a stream fault for UDP. @category errors @since 0.1.0 */
export class WrongTransport extends Data.TaggedClass("WrongTransport")<{
  readonly column: number
  readonly action: Action
  readonly transport: "udp" | "tcp"
}> {
  get message(): string {
    const { action, column, transport } = this
    return `column ${column}: ${action} does not apply to ${transport}; its faults are ${list(actions[transport])}`
  }
}

/** The plan names a host that does not exist. @category errors @since 0.1.0 */
export class UnknownHost extends Data.TaggedClass("UnknownHost")<{
  readonly host: string
  readonly hosts: ReadonlyArray<string>
}> {
  get message(): string {
    const { host, hosts } = this
    return `unknown host ${host}: ${hosts.length === 0 ? "the network has no hosts" : `the hosts are ${list(hosts)}`}`
  }
}

/** An invalid fault plan. @category errors @since 0.1.0 */
export class FaultPlanError extends Data.TaggedError("FaultPlanError")<{
  readonly reason: Malformed | WrongTransport | UnknownHost
}> {
  override get message(): string {
    return this.reason.message
  }
}

/** Returns the hosts that a rule names, without `*`. @category combinators @since 0.1.0 */
export const hostsOf = (rule: Rule): ReadonlyArray<string> => {
  if (isHostRule(rule)) return [rule.host]
  return rule.pair === undefined ? [] : [rule.pair.from.host, rule.pair.to.host].filter((host) => host !== "*")
}

/**
 * Returns the plan if all hosts it names exist; IP addresses in its pairs need not. Fails with `UnknownHost`.
 *
 * **Example** (A plan for two hosts)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import { FaultPlan, FaultPlanSyntax } from "effect-inet/simulation"
 *
 * const checked = Result.flatMap(FaultPlanSyntax.parse("drop=5% a>b, crash=c@1s"), FaultPlan.check(["a", "b"]))
 * Result.isFailure(checked) && checked.failure.message // => "unknown host c: the hosts are a and b"
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const check: {
  (hosts: ReadonlyArray<string>): (plan: FaultPlan) => Result.Result<FaultPlan, FaultPlanError>
  (plan: FaultPlan, hosts: ReadonlyArray<string>): Result.Result<FaultPlan, FaultPlanError>
} = dual(2, (plan: FaultPlan, hosts: ReadonlyArray<string>): Result.Result<FaultPlan, FaultPlanError> => {
  for (const rule of plan) {
    const isKnown = (host: string) => hosts.includes(host) || (!isHostRule(rule) && canonicalIp(host) !== undefined)
    const host = hostsOf(rule).find((host) => !isKnown(host))
    if (host !== undefined) return Result.fail(new FaultPlanError({ reason: new UnknownHost({ host, hosts }) }))
  }
  return Result.succeed(plan)
})
