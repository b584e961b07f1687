/**
 * Destination address selection of RFC 6724, section 6, as a pure sorter. The caller supplies the source address that
 * the system would use for each destination.
 *
 * **Example** (A destination with a route goes first)
 *
 * ```ts
 * import * as NetAddress from "effect/net/NetAddress"
 * import { AddressOrder } from "effect-inet/network"
 *
 * const ip = NetAddress.ipFromStringUnsafe
 * const sorted = AddressOrder.sort([
 *   { destination: ip("2001:db8::1"), source: undefined },
 *   { destination: ip("198.51.100.1"), source: ip("198.51.100.2") }
 * ])
 * sorted.map(({ destination }) => NetAddress.formatIp(destination)) // => ["198.51.100.1", "2001:db8::1"]
 * ```
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"

/** A row of a policy table. @category models @since 0.1.0 */
export interface PolicyRow {
  /** IPv6 prefix; IPv4 addresses match as ::ffff:0:0/96. */
  readonly prefix: string
  /** Higher values are preferred. Default: that of the next shorter prefix with one. */
  readonly precedence?: number | undefined
  /** A destination is preferred if its source has the same label. Default: that of the next shorter prefix with one. */
  readonly label?: number | undefined
}

/** The scope of the IPv4 addresses of a prefix. @category models @since 0.1.0 */
export interface ScopeRow {
  /** IPv4 prefix. */
  readonly prefix: string
  /** Scope, numbered as in multicast: 2 link-local, 5 site-local, 14 global. */
  readonly scope: number
}

/** Makes a policy table of rows in the form of the RFC: prefix, precedence, label. */
const policyTable = (rows: ReadonlyArray<readonly [prefix: string, precedence: number, label: number]>) =>
  rows.map(([prefix, precedence, label]): PolicyRow => ({ prefix, precedence, label }))

/** The default policy table of RFC 6724, section 2.1. @category constants @since 0.1.0 */
export const rfc6724: ReadonlyArray<PolicyRow> = policyTable([
  ["::1/128", 50, 0],
  ["::/0", 40, 1],
  ["::ffff:0:0/96", 35, 4],
  ["2002::/16", 30, 2],
  ["2001::/32", 5, 5],
  ["fc00::/7", 3, 13],
  ["::/96", 1, 3],
  ["fec0::/10", 1, 11],
  ["3ffe::/16", 1, 12]
])

/**
 * The built-in table of glibc, from the older RFC 3484: unique local addresses precede IPv4.
 *
 * @category constants
 * @since 0.1.0
 */
export const glibc: ReadonlyArray<PolicyRow> = policyTable([
  ["::1/128", 50, 0],
  ["::/0", 40, 1],
  ["2002::/16", 30, 2],
  ["::/96", 20, 3],
  ["::ffff:0:0/96", 10, 4],
  ["fec0::/10", 40, 5],
  ["fc00::/7", 40, 6],
  ["2001::/32", 40, 7]
])

/** The scopes of IPv4 addresses of RFC 6724, section 3.2. @category constants @since 0.1.0 */
export const ipv4Scopes: ReadonlyArray<ScopeRow> = [
  { prefix: "127.0.0.0/8", scope: 2 },
  { prefix: "169.254.0.0/16", scope: 2 },
  { prefix: "0.0.0.0/0", scope: 14 }
]

/** A destination with the source address the system would use for it. @category models @since 0.1.0 */
export interface Candidate {
  readonly destination: NetAddress.IpAddress
  /** Source address; undefined without a route. */
  readonly source: NetAddress.IpAddress | undefined
  /** Length of the source's subnet prefix in bits. Default: 64 for IPv6, none for IPv4. */
  readonly prefixLength?: number | undefined
  /** True if the source's preferred lifetime has expired. Default false. */
  readonly deprecated?: boolean | undefined
}

/** Options of the sorter. @category models @since 0.1.0 */
export interface Options {
  /** Policy table; of two rows with one prefix the first counts. Default `rfc6724`. */
  readonly policy?: ReadonlyArray<PolicyRow> | undefined
  /** Scopes of IPv4 addresses; of two rows with one prefix the first counts. Default `ipv4Scopes`. */
  readonly scopes?: ReadonlyArray<ScopeRow> | undefined
  /**
   * Counts common bits beyond the source's subnet too, as RFC 3484 did and glibc does. Default false: hosts of one
   * subnet are equally near (RFC 6724, section 2.2).
   */
  readonly beyondSubnet?: boolean | undefined
}

/**
 * Effect that returns the options by which `AddressInfo` sorts. Default: none, which is the order of RFC 6724.
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentOptions: Context.Reference<Effect.Effect<Options>> = Context.Reference<Effect.Effect<Options>>(
  "effect-inet/network/AddressOrder/CurrentOptions",
  { defaultValue: () => Effect.succeed({}) }
)

const globalScopeNumber = 14

const bytesOf = (address: NetAddress.IpAddress): ReadonlyArray<number> =>
  NetAddress.isIpv4Address(address) ? NetAddress.ipv4ToOctets(address) : NetAddress.ipv6ToOctets(address)

const toIpv6 = (address: NetAddress.IpAddress): NetAddress.Ipv6Address =>
  NetAddress.isIpv4Address(address) ? NetAddress.toIpv4Mapped(address) : address

/** Returns a function that finds the row of the longest prefix of an address. */
const longestPrefix = <Row extends { readonly prefix: string }>(rows: ReadonlyArray<Row>) => {
  const networks = rows
    .map((row) => ({ row, network: IpNetwork.fromStringUnsafe(row.prefix) }))
    .sort((a, b) => b.network.prefixLength - a.network.prefixLength)
  return (address: NetAddress.IpAddress): Row | undefined =>
    networks.find(({ network }) => IpNetwork.contains(network, address))?.row
}

const scopeOfIpv4 = longestPrefix(ipv4Scopes)

/**
 * Returns the scope of an address, numbered as in multicast: 2 link-local, 5 site-local, 14 global (RFC 6724, sections
 * 3.1 and 3.2).
 *
 * @category getters
 * @since 0.1.0
 */
export const scopeOf = (address: NetAddress.IpAddress): number => scopeWith(scopeOfIpv4, address)

const scopeWith = (rowOf: typeof scopeOfIpv4, address: NetAddress.IpAddress): number => {
  if (NetAddress.isIpv4Address(address)) return rowOf(address)?.scope ?? globalScopeNumber
  if (NetAddress.isLoopback(address) || NetAddress.isLinkLocal(address)) return 2
  const [first, second] = bytesOf(address) as [number, number]
  if (first === 0xff) return second & 0xf
  return first === 0xfe && second >= 0xc0 ? 5 : globalScopeNumber
}

/**
 * Returns the number of leading bits that two addresses of one family share: 0 to 32 or 128.
 *
 * @category getters
 * @since 0.1.0
 */
export const commonPrefixLength = (one: NetAddress.IpAddress, other: NetAddress.IpAddress): number => {
  const otherBytes = bytesOf(other)
  let bits = 0
  for (const [i, byte] of bytesOf(one).entries()) {
    const equalBits = Math.clz32(byte ^ otherBytes[i]!) - 24
    bits += equalBits
    if (equalBits < 8) break
  }
  return bits
}

/**
 * Returns the matching prefix length of rule 9. Outside of its own subnet an IPv4 prefix does not express distance, so
 * there the rule does not apply, as in glibc.
 */
const matchingPrefixLength = (candidate: Candidate, source: NetAddress.IpAddress, beyondSubnet: boolean): number => {
  const bits = commonPrefixLength(source, candidate.destination)
  if (NetAddress.isIpv6Address(source)) return beyondSubnet ? bits : Math.min(bits, candidate.prefixLength ?? 64)
  const { prefixLength = Infinity } = candidate
  if (bits < prefixLength) return 0
  return beyondSubnet ? bits : prefixLength
}

/** Values that the rules compare, computed once per candidate. */
interface SortKey {
  readonly reachable: number
  readonly sameScope: number
  readonly notDeprecated: number
  readonly sameLabel: number
  readonly precedence: number
  readonly scope: number
  readonly family: NetAddress.IpFamily
  readonly matchingPrefixLength: number
}

type Rule = (a: SortKey, b: SortKey) => number

/**
 * The rules in order; negative if `a` goes first. Rules 4 (home addresses) and 7 (native transport) need data that
 * ordinary hosts do not have; rule 10 is a stable sort.
 */
const rules: ReadonlyArray<Rule> = [
  (a, b) => b.reachable - a.reachable,
  (a, b) => b.sameScope - a.sameScope,
  (a, b) => b.notDeprecated - a.notDeprecated,
  (a, b) => b.sameLabel - a.sameLabel,
  (a, b) => b.precedence - a.precedence,
  (a, b) => a.scope - b.scope,
  (a, b) => (a.family === b.family ? b.matchingPrefixLength - a.matchingPrefixLength : 0)
]

const compare: Rule = (a, b) => {
  for (const rule of rules) {
    const order = rule(a, b)
    if (order !== 0) return order
  }
  return 0
}

/** Sorts destinations, best first; equal ones keep their order. @category sorting @since 0.1.0 */
export const sort = <A extends Candidate>(
  candidates: ReadonlyArray<A>,
  { beyondSubnet = false, policy = rfc6724, scopes = ipv4Scopes }: Options = {}
): ReadonlyArray<A> => {
  const labels = longestPrefix(policy.filter(({ label }) => label !== undefined))
  const precedences = longestPrefix(policy.filter(({ precedence }) => precedence !== undefined))
  const scopeRows = longestPrefix(scopes)
  const labelOf = (address: NetAddress.IpAddress) => labels(toIpv6(address))?.label
  const sortKeyOf = (candidate: Candidate): SortKey => {
    const destination = NetAddress.toCanonical(candidate.destination)
    const source = candidate.source && NetAddress.toCanonical(candidate.source)
    const scope = scopeWith(scopeRows, destination)
    return {
      reachable: Number(source !== undefined),
      sameScope: Number(source !== undefined && scopeWith(scopeRows, source) === scope),
      notDeprecated: Number(source === undefined || candidate.deprecated !== true),
      sameLabel: Number(source !== undefined && labelOf(source) === labelOf(destination)),
      precedence: precedences(toIpv6(destination))?.precedence ?? 0,
      scope,
      family: NetAddress.familyOf(destination),
      matchingPrefixLength:
        source === undefined ? 0 : matchingPrefixLength({ ...candidate, destination }, source, beyondSubnet)
    }
  }
  return candidates
    .map((candidate) => ({ candidate, key: sortKeyOf(candidate) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ candidate }) => candidate)
}
