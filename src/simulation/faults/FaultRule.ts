/** A rule of a fault plan: its kinds, and the transports that it applies to. */
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import * as FaultFields from "./FaultFields.ts"
import * as FaultInteger from "./FaultInteger.ts"

/** Selection of packets or of operations: by their number, or by chance. */
const chance = {
  nth: Schema.optionalKey(FaultFields.Nth),
  percent: Schema.optionalKey(FaultFields.Percent),
  /** Mean number of packets in a row that a rate selects; the rate stays the same. */
  burst: Schema.optionalKey(FaultInteger.between(1, 1_000_000)),
  /** Correlation of the choices for two packets in a row, in percent; the rate stays the same. */
  correlation: Schema.optionalKey(FaultFields.Percent)
}

/** Values that decide whether a rule applies to its nth match. @category models @since 0.1.0 */
export interface Chance {
  readonly nth?: FaultFields.Nth
  readonly percent?: number
  readonly burst?: number
  readonly correlation?: number
}

/**
 * Returns what is wrong with a selection: its field, and what it must be instead; undefined if it is valid. Bursts of a
 * mean length do not reach every rate, because between two of them is at least one packet.
 *
 * @category combinators
 * @since 0.1.0
 */
export const chanceError = ({
  burst,
  correlation,
  percent
}: Chance): readonly ["burst" | "correlation" | "percent", string] | undefined => {
  if (burst === undefined && correlation === undefined) return undefined
  if (burst !== undefined && correlation !== undefined) return ["correlation", "no correlation together with burst"]
  if (percent === undefined) return ["percent", "a rate such as 5%, which burst and correlation need"]
  if (correlation !== undefined) return correlation < 100 ? undefined : ["correlation", "a correlation below 100%"]
  const maxPercent = Math.floor((100_000 * burst!) / (burst! + 1)) / 1000
  return percent > maxPercent ? ["percent", `a rate of at most ${maxPercent}% for bursts of ${burst}`] : undefined
}

const validChance = Schema.makeFilter((rule: object) => {
  const error = chanceError(rule)
  return error && `expected ${error[1]}`
})

/** Selection of packets, in every packet rule. Without `kind`, a rule matches only datagrams and stream data. */
const matching = {
  ...chance,
  pair: Schema.optionalKey(FaultFields.Pair),
  kind: Schema.optionalKey(FaultFields.Kind),
  window: Schema.optionalKey(FaultFields.Window)
}

const packetRule = <const Action extends string, Fields extends Schema.Struct.Fields>(action: Action, fields: Fields) =>
  Schema.Struct({ action: Schema.Literal(action), ...fields, ...matching }).check(validChance)

/** Faults of datagrams and streams; `transport` restricts them to one. */
const anyTransportRules = [
  packetRule("delay", { by: FaultFields.AnyDuration, transport: Schema.optionalKey(Schema.Literals(["udp", "tcp"])) })
] as const

/** Rules whose faults apply to datagrams only. */
const datagramRules = [
  packetRule("drop", {}),
  /** Additional copies, sent later by `after`. */
  packetRule("dup", { copies: FaultInteger.between(1, 1000), after: FaultFields.Range }),
  /** Holds a datagram until `by` later ones on the same path have overtaken it, at most for `within`. */
  packetRule("reorder", { by: FaultInteger.Count, within: FaultFields.Range }),
  /** Flips one bit, counted from the most significant bit of the first byte; drawn from the seed by default. */
  packetRule("corrupt", { bit: Schema.optionalKey(FaultInteger.Natural) }),
  /** Keeps the first `bytes` bytes; without `bytes`, a number drawn from the seed. */
  packetRule("truncate", { bytes: Schema.optionalKey(FaultInteger.Natural) })
] as const

/** Faults of one direction of a stream; a reset ends both directions. */
const streamRules = [
  /** Blocks the direction for a time, or for ever. */
  packetRule("stall", { for: Schema.optionalKey(FaultFields.Range) }),
  /** Delivers the data in segments of at most `bytes` bytes. */
  packetRule("chunk", { bytes: FaultInteger.Count }),
  /** Sends RST after `after` bytes of the selected data. */
  packetRule("reset", { after: FaultInteger.Natural }),
  /** Sends FIN in place of the selected data after `after` bytes. */
  packetRule("cut", { after: FaultInteger.Natural })
] as const

/** A rule about packets. @category models @since 0.1.0 */
export const PacketRule = Schema.Union([...anyTransportRules, ...datagramRules, ...streamRules])
/** A rule about packets. @category models @since 0.1.0 */
export type PacketRule = typeof PacketRule.Type

/** A partition between hosts: datagrams are lost, streams wait for its end. @category models @since 0.1.0 */
export const Partition = Schema.Struct({
  action: Schema.Literal("partition"),
  pair: FaultFields.Pair,
  window: Schema.optionalKey(FaultFields.Window)
})
/** A partition between hosts: datagrams are lost, streams wait for its end. @category models @since 0.1.0 */
export type Partition = typeof Partition.Type

/** Bytes that can wait for a bandwidth, unless its rule says otherwise. @category constants @since 0.1.0 */
export const defaultQueueBytes = 262_144

/**
 * A limit of the bandwidth, with a queue: for each direction of the pair, or for each path from one host to another.
 * Packets wait until those before them have passed; a datagram for which the queue has no space is lost.
 *
 * @category models
 * @since 0.1.0
 */
export const Bandwidth = Schema.Struct({
  action: Schema.Literal("bandwidth"),
  /** Bytes per second, headers of IP, UDP and TCP included. */
  rate: FaultInteger.Count,
  /** Bytes that can wait. */
  queue: FaultInteger.Natural,
  transport: Schema.optionalKey(Schema.Literals(["udp", "tcp"])),
  pair: Schema.optionalKey(FaultFields.Pair),
  kind: Schema.optionalKey(FaultFields.Kind),
  window: Schema.optionalKey(FaultFields.Window)
})
/** A limit of the bandwidth, with a queue. @category models @since 0.1.0 */
export type Bandwidth = typeof Bandwidth.Type

/** A rule about the traffic between hosts. @category models @since 0.1.0 */
export type TrafficRule = PacketRule | Bandwidth | Partition

const instantHostRule = <const Action extends string, Fields extends Schema.Struct.Fields>(
  action: Action,
  fields: Fields
) => Schema.Struct({ action: Schema.Literal(action), host: FaultFields.Host, at: FaultInteger.Nanos, ...fields })

const lastingHostRule = <const Action extends string, Fields extends Schema.Struct.Fields>(
  action: Action,
  fields: Fields
) =>
  Schema.Struct({
    action: Schema.Literal(action),
    host: FaultFields.Host,
    at: FaultInteger.Nanos,
    until: Schema.optionalKey(FaultInteger.Nanos),
    ...fields
  }).check(
    Schema.makeFilter((rule) => {
      const { at, until } = rule as { readonly at: number; readonly until?: number }
      return until === undefined || until > at ? undefined : `a fault must end after its start (from ${at} to ${until})`
    })
  )

const notZero = Schema.makeFilter((n: number) => (n === 0 ? "must not be 0" : undefined))

/** A fault of a host's clock. @category models @since 0.1.0 */
export const ClockRule = Schema.Union([
  /** The wall clock jumps by a number of nanoseconds. */
  instantHostRule("jump", {
    by: FaultInteger.between(-FaultInteger.max, FaultInteger.max).check(notZero)
  }),
  /** All clocks of the host run faster, in parts of a million. */
  lastingHostRule("drift", { ppm: FaultInteger.between(-500_000, 500_000).check(notZero) })
])
/** A fault of a host's clock. @category models @since 0.1.0 */
export type ClockRule = typeof ClockRule.Type

/** The operations of a program on the disk of its host. @category models @since 0.1.0 */
export const DiskOperation = Schema.Literals(["read", "write", "sync", "other"])
/** The operations of a program on the disk of its host. @category models @since 0.1.0 */
export type DiskOperation = typeof DiskOperation.Type

const diskRule = <const Action extends string, Fields extends Schema.Struct.Fields>(action: Action, fields: Fields) =>
  Schema.Struct({
    action: Schema.Literal(action),
    host: FaultFields.Host,
    ...fields,
    ...chance,
    window: Schema.optionalKey(FaultFields.Window)
  }).check(validChance)

/** A fault of a host's disk. @category models @since 0.1.0 */
export const DiskRule = Schema.Union([
  /** Operations fail with EIO. */
  diskRule("disk-error", { operation: Schema.optionalKey(DiskOperation) }),
  /** Writes fail with ENOSPC. */
  diskRule("disk-full", {}),
  /** Operations take longer. */
  diskRule("disk-slow", { by: FaultFields.AnyDuration, operation: Schema.optionalKey(DiskOperation) })
])
/** A fault of a host's disk. @category models @since 0.1.0 */
export type DiskRule = typeof DiskRule.Type

/**
 * A fault of a host. `pause` stops it until it resumes; `crash` loses its sockets and programs until it restarts;
 * `restart` starts it again. Without `until`, the fault does not end.
 *
 * @category models
 * @since 0.1.0
 */
export const HostRule = Schema.Union([
  lastingHostRule("pause", {}),
  lastingHostRule("crash", {}),
  instantHostRule("restart", {}),
  ...ClockRule.members,
  ...DiskRule.members
])
/** A fault of a host, of its clock or of its disk. @category models @since 0.1.0 */
export type HostRule = typeof HostRule.Type

/** A rule of a fault plan. @category models @since 0.1.0 */
export const Rule = Schema.Union([PacketRule, Partition, Bandwidth, HostRule])
/** A rule of a fault plan. @category models @since 0.1.0 */
export type Rule = typeof Rule.Type

/** The name of a fault. @category models @since 0.1.0 */
export type Action = Rule["action"]

const actionsOf = (rules: ReadonlyArray<{ readonly fields: { readonly action: { readonly literal: string } } }>) =>
  rules.map(({ fields }) => fields.action.literal as (PacketRule | Bandwidth)["action"])

/** Packet faults that exist for each transport. @category constants @since 0.1.0 */
export const actions: Readonly<Record<"udp" | "tcp", ReadonlyArray<(PacketRule | Bandwidth)["action"]>>> = {
  udp: actionsOf([...anyTransportRules, ...datagramRules, Bandwidth]),
  tcp: actionsOf([...anyTransportRules, ...streamRules, Bandwidth])
}

/** Returns true for a rule about a host, its clock or its disk. @category guards @since 0.1.0 */
export const isHostRule = (rule: Rule): rule is HostRule => "host" in rule

/** Returns true for a rule about the disk of a host. @category guards @since 0.1.0 */
export const isDiskRule = (rule: Rule): rule is DiskRule => rule.action.startsWith("disk-")

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
      (!("transport" in rule) || rule.transport === undefined || rule.transport === transport))
)

/**
 * Returns the duration of a fault; undefined if it is instantaneous or has no end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const durationOf = (rule: Rule): FaultFields.AnyDuration | undefined => {
  switch (rule.action) {
    case "delay":
    case "disk-slow":
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
