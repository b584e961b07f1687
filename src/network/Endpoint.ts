/**
 * IP addresses with ports, as strings. Pure.
 *
 * **Example** (Formatting and comparing)
 *
 * ```ts
 * import { Endpoint } from "effect-inet/network"
 *
 * const endpoint = { address: "2001:db8::7", port: 69 }
 * Endpoint.format(endpoint) // => "[2001:db8::7]:69"
 * Endpoint.equals(endpoint, { address: "2001:db8::7", port: 69 }) // => true
 * Endpoint.familyOf("::ffff:192.0.2.7") // => "IPv4"
 * ```
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

/**
 * Source or destination of a datagram, as the platform names it: an IP literal and a port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** Converts a socket address; an IPv4-mapped IPv6 address becomes IPv4. @category conversions @since 0.1.0 */
export const fromInet = ({ address, port }: NetAddress.InetAddress): Endpoint => ({
  address: NetAddress.formatIp(NetAddress.toCanonical(address)),
  port
})

/** Returns the IP family of a literal; an IPv4-mapped IPv6 literal is IPv4. @category getters @since 0.1.0 */
export const familyOf = (literal: string): "IPv4" | "IPv6" =>
  literal.includes(":") && !literal.includes(".") ? "IPv6" : "IPv4"

/**
 * Returns the largest UDP payload to or from an IP literal, in bytes: 65,535 less the headers that count (RFC 768).
 *
 * @category getters
 * @since 0.1.0
 */
export const maxDatagramBytes = (literal: string): number => (familyOf(literal) === "IPv6" ? 65_527 : 65_507)

/** Compares address and port as strings. @category guards @since 0.1.0 */
export const equals = (one: Endpoint, other: Endpoint): boolean =>
  one.port === other.port && one.address === other.address

/** Formats an endpoint: `192.0.2.7:2066`, `[2001:db8::7]:2066`. @category formatting @since 0.1.0 */
export const format = ({ address, port }: Endpoint): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`

/** Removes the zone of a link-local address, which systems spell differently. @category getters @since 0.1.0 */
export const withoutZone = (literal: string): string => literal.replace(/%.*$/, "")

/**
 * Parses an IP literal without its zone; an IPv4-mapped IPv6 address becomes IPv4. Undefined for other text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toIp = (literal: string): NetAddress.IpAddress | undefined => {
  const parsed = NetAddress.ipFromString(withoutZone(literal))
  return Result.isSuccess(parsed) ? NetAddress.toCanonical(parsed.success) : undefined
}

/** Returns the canonical form of an IP literal, as `toIp`; other text unchanged. @category getters @since 0.1.0 */
export const canonical = (literal: string): string => {
  const ip = toIp(literal)
  return ip === undefined ? literal : NetAddress.formatIp(ip)
}

/** Tests for a loopback address; the literal must be in canonical form. @category guards @since 0.1.0 */
export const isLoopback = (literal: string): boolean => literal.startsWith("127.") || literal === "::1"
