/** Addresses with ports, and facts about IP literals. Pure. */

/**
 * Where a datagram came from or goes to, as the platform names it: an IP literal and a port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** The protocol a literal travels by: an IPv4-mapped IPv6 literal is IPv4. @category getters @since 0.1.0 */
export const familyOf = (literal: string): "IPv4" | "IPv6" =>
  literal.includes(":") && !literal.includes(".") ? "IPv6" : "IPv4"

/**
 * The largest payload of a datagram to or from an IP literal, in bytes: 65,535 less the headers that count (RFC 768).
 *
 * @category getters
 * @since 0.1.0
 */
export const maxDatagramBytes = (literal: string): number => (familyOf(literal) === "IPv6" ? 65_527 : 65_507)

/** Whether two datagrams came from the same socket. @category guards @since 0.1.0 */
export const equals = (one: Endpoint, other: Endpoint): boolean =>
  one.port === other.port && one.address === other.address

/** A peer for people: `192.0.2.7:2066`, `[2001:db8::7]:2066`. @category formatting @since 0.1.0 */
export const format = ({ address, port }: Endpoint): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`

/**
 * An IP literal without the zone of a link-local address, which systems spell differently.
 *
 * @category getters
 * @since 0.1.0
 */
export const withoutZone = (literal: string): string => literal.replace(/%.*$/, "")

/** Whether an IP literal, in its canonical form, is this host itself. @category guards @since 0.1.0 */
export const isLoopback = (literal: string): boolean => literal.startsWith("127.") || literal === "::1"
