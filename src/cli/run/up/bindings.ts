/** The sockets that the instances of `up` bind, and those of which only one can be bound. Pure. */
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../../network/Endpoint.ts"

/** A socket on a port. */
interface PortBinding {
  readonly _tag: "Port"
  readonly protocol: "tcp" | "udp"
  /** IP literal. */
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** True if others that share their port can be bound beside it, as the peers of a broadcast do. */
  readonly isShared: boolean
}

/** A socket that an instance binds. */
export type Binding = PortBinding | { readonly _tag: "Path"; readonly path: string }

/** A socket, and the name of its owner in messages. */
export interface OwnedBinding {
  readonly owner: string
  readonly binding: Binding
}

const zoneOf = (literal: string) => literal.slice(Endpoint.withoutZone(literal).length)

/**
 * Tests if the system binds only one of two addresses with the same port. A wildcard address includes all others of its
 * family, and that of IPv6 those of IPv4, too.
 */
const overlap = (one: string, other: string): boolean => {
  const [first, second] = [Endpoint.toIp(one), Endpoint.toIp(other)]
  if (first === undefined || second === undefined) return one === other
  const includes = (wildcard: NetAddress.IpAddress, address: NetAddress.IpAddress) =>
    NetAddress.isUnspecified(wildcard) && (NetAddress.isIpv6Address(wildcard) || NetAddress.isIpv4Address(address))
  const isSame = NetAddress.formatIp(first) === NetAddress.formatIp(second) && zoneOf(one) === zoneOf(other)
  return isSame || includes(first, second) || includes(second, first)
}

const exclude = (one: PortBinding, other: PortBinding): boolean =>
  one.protocol === other.protocol &&
  one.port === other.port &&
  one.port !== 0 &&
  !(one.isShared && other.isShared) &&
  overlap(one.host, other.host)

/** Returns what two owners both need and what to do, as one line; undefined if both sockets can be bound. */
const conflictOf = (one: OwnedBinding, other: OwnedBinding): string | undefined => {
  const [first, second] = [one.binding, other.binding]
  if (first._tag === "Path" && second._tag === "Path" && first.path === second.path)
    return `${one.owner} and ${other.owner} both need the socket ${first.path}; give one of them another path`
  if (first._tag === "Path" || second._tag === "Path" || !exclude(first, second)) return undefined
  const port = `${first.protocol} port ${first.port}`
  const both =
    first.host === second.host
      ? `${one.owner} and ${other.owner} both need ${port} of ${first.host}`
      : `${one.owner} on ${first.host} and ${other.owner} on ${second.host} both need ${port}`
  return `${both}; give one of them another port`
}

/** Returns the first conflict between two owners, as one line for the user. */
export const findConflict = (bindings: ReadonlyArray<OwnedBinding>): string | undefined => {
  for (const [at, other] of bindings.entries()) {
    for (const one of bindings.slice(0, at)) {
      const conflict = one.owner === other.owner ? undefined : conflictOf(one, other)
      if (conflict !== undefined) return conflict
    }
  }
  return undefined
}
