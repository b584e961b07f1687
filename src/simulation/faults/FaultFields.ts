/** Fields of the rules of a fault plan: times, numbers of packets, hosts and pairs of hosts. */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FaultInteger from "./FaultInteger.ts"

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
export const Range = Schema.Struct({ from: FaultInteger.Nanos, to: FaultInteger.Nanos }).check(
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
 * A duration in nanoseconds with a mean and a standard deviation: normal, or with the long tail of a Pareto
 * distribution. It is never negative.
 *
 * @category models
 * @since 0.1.0
 */
export const Distribution = Schema.Struct({
  mean: FaultInteger.Nanos,
  deviation: FaultInteger.Count,
  shape: Schema.Literals(["normal", "pareto"])
}).check(
  Schema.makeFilter(({ deviation, mean }) =>
    mean + 16 * deviation <= FaultInteger.max ? undefined : `a deviation of ${deviation} ns is too large`
  )
)
/**
 * A duration in nanoseconds with a mean and a standard deviation: normal, or with the long tail of a Pareto
 * distribution. It is never negative.
 *
 * @category models
 * @since 0.1.0
 */
export type Distribution = typeof Distribution.Type

/** A fixed duration, or one drawn from a range or from a distribution. @category models @since 0.1.0 */
export const AnyDuration = Schema.Union([Range, Distribution])
/** A fixed duration, or one drawn from a range or from a distribution. @category models @since 0.1.0 */
export type AnyDuration = typeof AnyDuration.Type

/**
 * Numbers of matching packets, from 1, both bounds inclusive; without `to`, all from `from` on.
 *
 * @category models
 * @since 0.1.0
 */
export const Nth = Schema.Struct({ from: FaultInteger.Count, to: Schema.optionalKey(FaultInteger.Count) }).check(
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
export const Window = Schema.Struct({ from: FaultInteger.Nanos, to: Schema.optionalKey(FaultInteger.Nanos) }).check(
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

/** Tests for a name of a host. @category guards @since 0.1.0 */
export const isHostName = (name: string): boolean => hostName.test(name)

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
  port: Schema.optionalKey(FaultInteger.between(0, 65_535))
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
