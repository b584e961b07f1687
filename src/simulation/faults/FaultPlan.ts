/**
 * A fault plan: what goes wrong on a network, as a value. It is a list of rules. A rule says which packets it is about
 * and what happens to them; it counts for itself all packets that it matches, whatever the other rules do, and the
 * rules that act on a packet do so in the order of the plan.
 *
 * Times are whole nanoseconds, those of windows since the start of the run. `FaultText` reads and writes plans as one
 * line of text, `FaultEngine` carries them out.
 */
import * as Data from "effect/Data"
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
    to === undefined || to - from >= minLength ? undefined : `${message}, not ${from} and ${to}`
  )

/** How long: drawn evenly, both ends included; fixed if they are equal. @category models @since 0.1.0 */
export const Range = Schema.Struct({ from: Nanos, to: Nanos }).check(
  orderedBounds(0, "a range must not end before its start")
)
/** @category models @since 0.1.0 */
export type Range = typeof Range.Type

/** Which packets, from 1, both ends included; without `to` all later ones. @category models @since 0.1.0 */
export const Nth = Schema.Struct({ from: Count, to: Schema.optionalKey(Count) }).check(
  orderedBounds(0, "packet numbers must not end before their start")
)
/** @category models @since 0.1.0 */
export type Nth = typeof Nth.Type

/** From a time on until before another, or for ever. @category models @since 0.1.0 */
export const Window = Schema.Struct({ from: Nanos, to: Schema.optionalKey(Nanos) }).check(
  orderedBounds(1, "a window must end after its start")
)
/** @category models @since 0.1.0 */
export type Window = typeof Window.Type

/** The part of the packets that is hit: over 0 up to 100, in steps of 0.001. @category models @since 0.1.0 */
export const Percent = Schema.Finite.check(
  Schema.makeFilter((percent) =>
    percent > 0 && percent <= 100 && Math.round(percent * 1000) / 1000 === percent
      ? undefined
      : `a rate is over 0% and at most 100%, with at most three decimals, not ${percent}%`
  )
)

const hostName = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/

/**
 * The canonical form of an IP address that is given for a host; undefined for a name.
 *
 * @category combinators
 * @since 0.1.0
 */
export const canonicalIp = (host: string): string | undefined => {
  const parsed = NetAddress.ipFromString(host)
  return Result.isSuccess(parsed) ? NetAddress.formatIp(NetAddress.toCanonical(parsed.success)) : undefined
}

/** The name of a host, or its IP address. @category models @since 0.1.0 */
export const Host = Schema.String.check(
  Schema.makeFilter((host) =>
    hostName.test(host) || canonicalIp(host) !== undefined ? undefined : `${JSON.stringify(host)} is no host name or IP address`
  )
)

/** One end of a packet's way: a host, or `*` for any, and a port, or any. @category models @since 0.1.0 */
export const EndpointPattern = Schema.Struct({
  host: Schema.Union([Schema.Literal("*"), Host]),
  port: Schema.optionalKey(intBetween(0, 65_535))
})
/** @category models @since 0.1.0 */
export type EndpointPattern = typeof EndpointPattern.Type

/** From where to where, or both ways. @category models @since 0.1.0 */
export const Pair = Schema.Struct({ from: EndpointPattern, to: EndpointPattern, both: Schema.Boolean })
/** @category models @since 0.1.0 */
export type Pair = typeof Pair.Type

/**
 * What a packet is: the kind its dissection tells, or the kind it has on the wire (`datagram`, `data`, `syn`...).
 *
 * @category models
 * @since 0.1.0
 */
export const Kind = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_.+/-]+$/))

/** What every rule about packets may ask of them. Without `kind`, it is about datagrams and pieces of streams only. */
const matching = {
  nth: Schema.optionalKey(Nth),
  percent: Schema.optionalKey(Percent),
  pair: Schema.optionalKey(Pair),
  kind: Schema.optionalKey(Kind),
  window: Schema.optionalKey(Window)
}

const packetRule = <const Action extends string, Fields extends Schema.Struct.Fields>(action: Action, fields: Fields) =>
  Schema.Struct({ action: Schema.Literal(action), ...fields, ...matching })

/** What can happen to a datagram and to a stream alike, each on one transport only if so said. */
const anyTransportRules = [packetRule("delay", { by: Range, transport: Schema.optionalKey(Schema.Literals(["udp", "tcp"])) })] as const

/** What can happen to a datagram. */
const datagramRules = [
  packetRule("drop", {}),
  /** More of the same, that much later. */
  packetRule("dup", { copies: intBetween(1, 1000), after: Range }),
  /** Waits until so many later ones on the same way have gone before it, but not longer than a time. */
  packetRule("reorder", { by: Count, within: Range }),
  /** Turns one bit, counted from the first byte's highest; drawn from the seed if none is given. */
  packetRule("corrupt", { bit: Schema.optionalKey(Natural) }),
  /** Leaves so many bytes; drawn from the seed if not given. */
  packetRule("truncate", { bytes: Schema.optionalKey(Natural) })
] as const

/** What can happen to a stream, in one direction; a reset ends both. */
const streamRules = [
  /** Nothing passes for a time, or ever again. */
  packetRule("stall", { for: Schema.optionalKey(Range) }),
  /** Arrives in pieces of so many bytes. */
  packetRule("chunk", { bytes: Count }),
  /** RST, after so many bytes of those the rule selects. */
  packetRule("reset", { after: Natural }),
  /** FIN instead of what comes after so many bytes of those the rule selects. */
  packetRule("cut", { after: Natural })
] as const

/** A rule about packets. @category models @since 0.1.0 */
export const PacketRule = Schema.Union([...anyTransportRules, ...datagramRules, ...streamRules])
/** @category models @since 0.1.0 */
export type PacketRule = typeof PacketRule.Type

/** Nothing passes between hosts: datagrams are lost, streams wait. @category models @since 0.1.0 */
export const Partition = Schema.Struct({
  action: Schema.Literal("partition"),
  pair: Pair,
  window: Schema.optionalKey(Window)
})
/** @category models @since 0.1.0 */
export type Partition = typeof Partition.Type

const instantHostRule = <const Action extends string>(action: Action) =>
  Schema.Struct({ action: Schema.Literal(action), host: Host, at: Nanos })

const lastingHostRule = <const Action extends string>(action: Action) =>
  Schema.Struct({ action: Schema.Literal(action), host: Host, at: Nanos, until: Schema.optionalKey(Nanos) }).check(
    Schema.makeFilter(({ at, until }) =>
      until === undefined || until > at ? undefined : `a fault must end after its start, not at ${at} and ${until}`
    )
  )

/**
 * What happens to a host: it stands still until it goes on, it loses all it has until it starts again, it starts
 * afresh. Without `until` it does not go on.
 *
 * @category models
 * @since 0.1.0
 */
export const HostRule = Schema.Union([lastingHostRule("pause"), lastingHostRule("crash"), instantHostRule("restart")])
/** @category models @since 0.1.0 */
export type HostRule = typeof HostRule.Type

/** @category models @since 0.1.0 */
export const Rule = Schema.Union([PacketRule, Partition, HostRule])
/** @category models @since 0.1.0 */
export type Rule = typeof Rule.Type

/** What can go wrong. @category models @since 0.1.0 */
export type Action = Rule["action"]

/** @category models @since 0.1.0 */
export const FaultPlan = Schema.Array(Rule)
/** @category models @since 0.1.0 */
export type FaultPlan = typeof FaultPlan.Type

const actionsOf = (rules: ReadonlyArray<{ readonly fields: { readonly action: { readonly literal: string } } }>) =>
  rules.map(({ fields }) => fields.action.literal as PacketRule["action"])

/** What can happen on each transport. @category constants @since 0.1.0 */
export const actions: Readonly<Record<"udp" | "tcp", ReadonlyArray<PacketRule["action"]>>> = {
  udp: actionsOf([...anyTransportRules, ...datagramRules]),
  tcp: actionsOf([...anyTransportRules, ...streamRules])
}

/** Whether a rule is about a host, not about packets. @category guards @since 0.1.0 */
export const isHostRule = (rule: Rule): rule is HostRule => "host" in rule

/** Whether a rule is about a transport: a partition always is, a host's never. @category guards @since 0.1.0 */
export const appliesTo = (rule: Rule, transport: "udp" | "tcp"): boolean =>
  rule.action === "partition" ||
  (!isHostRule(rule) &&
    actions[transport].includes(rule.action) &&
    (rule.action !== "delay" || rule.transport === undefined || rule.transport === transport))

/** How long a fault takes, if it takes time and ends. @category combinators @since 0.1.0 */
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

/** The text is not a plan. `column` counts from 1. @category errors @since 0.1.0 */
export class Malformed extends Data.TaggedClass("Malformed")<{
  readonly column: number
  readonly expected: string
  /** What stands there; empty at the end of the text. */
  readonly found: string
}> {
  get message(): string {
    const found = this.found === "" ? "the end" : JSON.stringify(this.found)
    return `column ${this.column}: expected ${this.expected}, found ${found}`
  }
}

/** A fault of datagrams for a stream, or the other way round. @category errors @since 0.1.0 */
export class WrongTransport extends Data.TaggedClass("WrongTransport")<{
  readonly column: number
  readonly action: Action
  readonly transport: "udp" | "tcp"
}> {
  get message(): string {
    const { action, column, transport } = this
    return `column ${column}: ${action} cannot happen to ${transport}, where there are ${list(actions[transport])}`
  }
}

/** The plan names a host that is not there. @category errors @since 0.1.0 */
export class UnknownHost extends Data.TaggedClass("UnknownHost")<{
  readonly host: string
  readonly hosts: ReadonlyArray<string>
}> {
  get message(): string {
    const { host, hosts } = this
    return `there is no host ${host}: ${hosts.length === 0 ? "there are none" : `the hosts are ${list(hosts)}`}`
  }
}

/** A fault plan cannot be used. @category errors @since 0.1.0 */
export class FaultPlanError extends Data.TaggedError("FaultPlanError")<{
  readonly reason: Malformed | WrongTransport | UnknownHost
}> {
  override get message(): string {
    return this.reason.message
  }
}

/** The hosts a rule names, `*` left out. @category combinators @since 0.1.0 */
export const hostsOf = (rule: Rule): ReadonlyArray<string> => {
  if (isHostRule(rule)) return [rule.host]
  return rule.pair === undefined ? [] : [rule.pair.from.host, rule.pair.to.host].filter((host) => host !== "*")
}

/**
 * The plan, if the hosts it names are among these; the IP addresses in its pairs need not be. Fails with `UnknownHost`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = (plan: FaultPlan, hosts: ReadonlyArray<string>): Result.Result<FaultPlan, FaultPlanError> => {
  for (const rule of plan) {
    const isKnown = (host: string) => hosts.includes(host) || (!isHostRule(rule) && canonicalIp(host) !== undefined)
    const host = hostsOf(rule).find((host) => !isKnown(host))
    if (host !== undefined) return Result.fail(new FaultPlanError({ reason: new UnknownHost({ host, hosts }) }))
  }
  return Result.succeed(plan)
}
