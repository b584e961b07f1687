/** Bound UDP sockets of a simulated host: which of them may share a port, and which receive a datagram. */
import * as Endpoint from "../../../network/Endpoint.ts"
import type { NetworkError } from "../../../network/Network.ts"
import type { Family } from "./Destination.ts"

/** Address of a socket. */
export interface Binding {
  /** Address as packets carry it: IPv4 for a socket on an IPv4-mapped address. */
  readonly address: string
  /** Family of that address. */
  readonly family: Family
  /** Family of the socket; an IPv6 socket shows IPv4 addresses as IPv4-mapped ones. */
  readonly socketFamily: Family
  readonly isWildcard: boolean
  /** True for a socket that was bound to a wildcard before it was connected. */
  readonly wasWildcard: boolean
  readonly reuseAddress: boolean
  readonly reusePort: boolean
}

/** Membership of a group, on the interface with this subnet. */
export interface Membership {
  readonly group: string
  readonly subnet: string
}

/** A bound socket. */
export interface BoundSocket extends Binding {
  readonly port: number
  /** Source of its datagrams; undefined if the way decides, as for a wildcard, a group or a broadcast address. */
  readonly source: string | undefined
  readonly remote: Endpoint.Endpoint | undefined
  readonly memberships: Array<Membership>
  readonly receiveQueue: Array<{
    readonly bytes: Uint8Array
    readonly from: Endpoint.Endpoint
    readonly charge: number
  }>
  readonly receiveBufferBytes: number
  /** Sum of the charges of the queued datagrams. */
  queuedBytes: number
  dropped: number
  isOpen: boolean
  /** Error of an earlier datagram, which the next operation reports. */
  pendingError: NetworkError | undefined
  readonly onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void
  readonly onError: (error: NetworkError) => void
}

/** Tests for a socket on `::`, which also has the port of all IPv4 addresses. */
const isDualStack = ({ family, isWildcard }: Binding) => isWildcard && family === "IPv6"

/** Tests if two sockets have a common address. A socket on `::` keeps `0.0.0.0` when it is connected. */
const overlap = (one: Binding, other: Binding) =>
  isDualStack(one) ||
  (one.family === other.family
    ? one.isWildcard || one.address === other.address
    : one.isWildcard && other.wasWildcard && other.family === "IPv6")

/** Tests if two sockets may have the same port. */
export const canShare = (one: Binding, other: Binding): boolean =>
  (one.reuseAddress && other.reuseAddress) ||
  (one.reusePort && other.reusePort) ||
  !(overlap(one, other) || overlap(other, one))

/** Tests if a socket is bound to an address, and accepts the sender. */
export const matches = (bound: BoundSocket, from: Endpoint.Endpoint, to: string, family: Family): boolean =>
  (bound.family === family ? bound.isWildcard || bound.address === to : isDualStack(bound)) &&
  (bound.remote === undefined || Endpoint.equals(bound.remote, from))

const indexBySender = (from: Endpoint.Endpoint, count: number) => {
  let hash = from.port
  for (let i = 0; i < from.address.length; i++) hash = (Math.imul(hash, 31) + from.address.charCodeAt(i)) >>> 0
  return hash % count
}

/** Rank of a matching socket: connected, then bound to the address, then of the family of the datagram. */
const rankOf = (bound: BoundSocket, family: Family) =>
  (bound.remote === undefined ? 0 : 4) + (bound.isWildcard ? 0 : 2) + (bound.socketFamily === family ? 1 : 0)

/**
 * Returns the socket that receives a datagram: the most specific one. Among equals it is the newest, or with
 * `reusePort` that which the address of the sender selects.
 */
export const select = (
  onPort: ReadonlyArray<BoundSocket>,
  from: Endpoint.Endpoint,
  to: string,
  family: Family
): BoundSocket | undefined => {
  let best: BoundSocket | undefined
  let bestRank = -1
  for (let i = 0; i < onPort.length; i++) {
    const bound = onPort[i]!
    if (!matches(bound, from, to, family)) continue
    const rank = rankOf(bound, family)
    if (rank < bestRank) continue
    best = bound
    bestRank = rank
  }
  if (best === undefined || !best.reusePort) return best
  const equal = onPort.filter((one) => matches(one, from, to, family) && rankOf(one, family) === bestRank)
  return equal[indexBySender(from, equal.length)]
}

/**
 * Tests if a matching socket receives from a group that some socket of the host has joined. It need not be a member
 * itself (`IP_MULTICAST_ALL`), except for an IPv6 socket and a group of IPv4.
 */
export const receivesFromGroup = (bound: BoundSocket, group: string, subnet: string, family: Family): boolean =>
  bound.socketFamily === family || bound.memberships.some((one) => one.group === group && one.subnet === subnet)
