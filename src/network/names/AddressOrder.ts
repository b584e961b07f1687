/**
 * In which order to try the addresses of a host: the destination address selection of RFC 6724, section 6, as a pure
 * sorter. What has to be known is which source address the system would use for each destination; it is handed in.
 */
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"

/** A row of a policy table. @category models @since 0.1.0 */
export interface PolicyRow {
  /** An IPv6 prefix; IPv4 addresses are looked up as ::ffff:0:0/96. */
  readonly prefix: string
  /** The higher is preferred. */
  readonly precedence: number
  /** Destinations are preferred whose source has the same label. */
  readonly label: number
}

/** The default policy table of RFC 6724, section 2.1. @category constants @since 0.1.0 */
export const rfc6724: ReadonlyArray<PolicyRow> = [
  { prefix: "::1/128", precedence: 50, label: 0 },
  { prefix: "::/0", precedence: 40, label: 1 },
  { prefix: "::ffff:0:0/96", precedence: 35, label: 4 },
  { prefix: "2002::/16", precedence: 30, label: 2 },
  { prefix: "2001::/32", precedence: 5, label: 5 },
  { prefix: "fc00::/7", precedence: 3, label: 13 },
  { prefix: "::/96", precedence: 1, label: 3 },
  { prefix: "fec0::/10", precedence: 1, label: 11 },
  { prefix: "3ffe::/16", precedence: 1, label: 12 }
]

/**
 * The table that glibc has built in, which keeps to the older RFC 3484: unique local addresses go before IPv4.
 *
 * @category constants
 * @since 0.1.0
 */
export const glibc: ReadonlyArray<PolicyRow> = [
  { prefix: "::1/128", precedence: 50, label: 0 },
  { prefix: "::/0", precedence: 40, label: 1 },
  { prefix: "2002::/16", precedence: 30, label: 2 },
  { prefix: "::/96", precedence: 20, label: 3 },
  { prefix: "::ffff:0:0/96", precedence: 10, label: 4 },
  { prefix: "fec0::/10", precedence: 40, label: 5 },
  { prefix: "fc00::/7", precedence: 40, label: 6 },
  { prefix: "2001::/32", precedence: 40, label: 7 }
]

/** A destination and how it would be reached. @category models @since 0.1.0 */
export interface Candidate {
  readonly destination: NetAddress.IpAddress
  /** The address the system would send from; undefined where there is no route. */
  readonly source: NetAddress.IpAddress | undefined
  /** How many bits of the source name its subnet. Unknown: 64 for IPv6, and for IPv4 no subnet at all. */
  readonly prefixLength?: number | undefined
  /** Whether the source's preferred lifetime has run out. Default false. */
  readonly deprecated?: boolean | undefined
}

/** @category models @since 0.1.0 */
export interface Options {
  /** Default `rfc6724`. */
  readonly policy?: ReadonlyArray<PolicyRow> | undefined
  /**
   * Count the bits that source and destination share beyond the source's subnet too, as RFC 3484 did and glibc does.
   * Default false: two hosts of one subnet are equally near (RFC 6724, section 2.2).
   */
  readonly beyondSubnet?: boolean | undefined
}

const bytesOf = (address: NetAddress.IpAddress): ReadonlyArray<number> =>
  NetAddress.isIpv4Address(address) ? NetAddress.ipv4ToOctets(address) : NetAddress.ipv6ToOctets(address)

const toIpv6 = (address: NetAddress.IpAddress): NetAddress.Ipv6Address =>
  NetAddress.isIpv4Address(address) ? NetAddress.toIpv4Mapped(address) : address

/**
 * The scope of an address, numbered as in multicast: 2 link-local, 5 site-local, 14 global (RFC 6724, sections 3.1 and
 * 3.2).
 *
 * @category getters
 * @since 0.1.0
 */
export const scopeOf = (address: NetAddress.IpAddress): number => {
  if (NetAddress.isLoopback(address) || NetAddress.isLinkLocal(address)) return 2
  if (NetAddress.isIpv4Address(address)) return 14
  const [first, second] = bytesOf(address) as [number, number]
  if (first === 0xff) return second & 0xf
  return first === 0xfe && second >= 0xc0 ? 5 : 14
}

/** How many leading bits two addresses of one family share: 0 to 32 or 128. @category getters @since 0.1.0 */
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
 * Rule 9. Outside of its own subnet an IPv4 prefix says nothing about distance, so there the rule does not apply, as in
 * glibc.
 */
const matchingPrefixLength = (candidate: Candidate, source: NetAddress.IpAddress, beyondSubnet: boolean): number => {
  const bits = commonPrefixLength(source, candidate.destination)
  if (NetAddress.isIpv6Address(source)) return beyondSubnet ? bits : Math.min(bits, candidate.prefixLength ?? 64)
  const { prefixLength = Infinity } = candidate
  if (bits < prefixLength) return 0
  return beyondSubnet ? bits : prefixLength
}

/** What the rules look at; no source, no facts about it. */
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
 * Negative where `a` goes first. Rules 4 (home addresses) and 7 (native transport) need knowledge that no ordinary host
 * has; rule 10 is a stable sort.
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

/**
 * Sorts destinations, the one to try first in front; those among which RFC 6724 does not choose keep their order.
 *
 * @category sorting
 * @since 0.1.0
 */
export const sort = <A extends Candidate>(
  candidates: ReadonlyArray<A>,
  { beyondSubnet = false, policy = rfc6724 }: Options = {}
): ReadonlyArray<A> => {
  const rows = policy
    .map((row) => ({ ...row, network: IpNetwork.fromStringUnsafe(row.prefix) }))
    .sort((a, b) => b.network.prefixLength - a.network.prefixLength)
  const policyOf = (address: NetAddress.IpAddress) =>
    rows.find(({ network }) => IpNetwork.contains(network, toIpv6(address)))
  const sortKeyOf = (candidate: Candidate): SortKey => {
    const destination = NetAddress.toCanonical(candidate.destination)
    const source = candidate.source && NetAddress.toCanonical(candidate.source)
    const row = policyOf(destination)
    return {
      reachable: Number(source !== undefined),
      sameScope: Number(source !== undefined && scopeOf(source) === scopeOf(destination)),
      notDeprecated: Number(source === undefined || candidate.deprecated !== true),
      sameLabel: Number(source !== undefined && policyOf(source)?.label === row?.label),
      precedence: row?.precedence ?? 0,
      scope: scopeOf(destination),
      family: NetAddress.familyOf(destination),
      matchingPrefixLength: source === undefined ? 0 : matchingPrefixLength({ ...candidate, destination }, source, beyondSubnet)
    }
  }
  return candidates
    .map((candidate) => ({ candidate, key: sortKeyOf(candidate) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ candidate }) => candidate)
}
