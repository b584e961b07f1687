/** Ways of datagrams from a simulated host: which interface, which source address, which hosts. */
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../../network/Endpoint.ts"
import { NetworkError, type Reason } from "../../../network/Network.ts"
import type { Node, SimInterface, SimLan } from "../SimLan.ts"
import type { Binding } from "./BoundSocket.ts"
import * as Destination from "./Destination.ts"

/** A host with the addresses that it has parsed. */
export interface Host {
  readonly lan: SimLan
  readonly node: Node
  readonly destinations: Map<string, Destination.Destination>
}

/** Maximum number of parsed addresses that are kept. */
const maxKnownAddresses = 10_000

export const fail = (reason: Reason, address?: NetAddress.SocketAddress) => new NetworkError({ reason, address })

export const invalidAddress = (message: string) =>
  new NetworkError({ reason: "InvalidAddress", cause: new Error(message) })

export const invalidDestination = ({ address, port }: Endpoint.Endpoint) => invalidAddress(`${address} port ${port}`)

export const inetAddressOf = ({ address, port }: Endpoint.Endpoint) =>
  NetAddress.inetAddressFromNativeUnsafe(Endpoint.withoutZone(address), port)

/** Parses an address; undefined for other text, also for an address with a zone. */
export const destinationOf = (
  { destinations, lan, node }: Host,
  literal: string
): Destination.Destination | undefined => {
  const known = destinations.get(literal)
  if (known !== undefined) return known
  const parsed = Destination.parse(lan, node, literal)
  if (parsed !== undefined && destinations.size < maxKnownAddresses) destinations.set(literal, parsed)
  return parsed
}

/** Way of a datagram: the subnet on which it is sent, the hosts there, and the address of this host. */
export interface Way {
  readonly subnet: string
  readonly source: string
  readonly nodes: ReadonlyArray<Node>
}

const wayThrough = ({ lan, node }: Host, through: SimInterface | "lo", family: Destination.Family): Way =>
  through === Destination.loopback
    ? { subnet: Destination.loopback, source: Destination.loopbackAddress(family), nodes: [node] }
    : { subnet: through.subnet, source: through.literal, nodes: lan.nodesOn(through.subnet) }

/** Returns the interface for a group or a broadcast; undefined if there is none. */
const outgoingInterface = (
  { node }: Host,
  { address, family, kind }: Destination.Destination,
  local: string,
  through: string | undefined
): SimInterface | "lo" | undefined => {
  if (address === Destination.loopbackBroadcast) return Destination.loopback
  const directed = kind === "broadcast" ? node.interfaces.find(({ broadcast }) => broadcast === address) : undefined
  if (directed !== undefined) return directed
  const chosen = kind === "group" && through !== undefined ? Destination.interfaceNamed(node, through) : undefined
  const used = chosen ?? Destination.interfaceWith(node, local) ?? Destination.defaultInterface(node, family)
  // Linux has no route for groups of IPv6 on the loopback interface.
  return used === Destination.loopback && family === "IPv6" ? undefined : used
}

/** Returns the way to a destination from a local address; undefined without a route. */
export const to = (
  state: Host,
  destination: Destination.Destination,
  local: string,
  through: string | undefined
): Way | undefined => {
  const { lan, node } = state
  const { address, family, kind, route } = destination
  if (kind !== "unicast") {
    const used = outgoingInterface(state, destination, local, through)
    return used && wayThrough(state, used, family)
  }
  if (route === undefined) return undefined
  if (route !== "loopback") {
    const other = lan.nodeAt(node, address)
    return { subnet: route.subnet, source: route.literal, nodes: other === undefined ? [] : [other] }
  }
  const source = Endpoint.isLoopback(address) ? Destination.loopbackAddress(family) : address
  return { subnet: Destination.loopback, source, nodes: [node] }
}

/** Returns the destination of a socket; for an unspecified address that of the socket, or of the loopback interface. */
export const destinationFrom = (state: Host, literal: string, local: Binding): Destination.Destination | undefined => {
  const named = destinationOf(state, literal)
  if (named?.kind !== "unspecified") return named
  const isMapped = local.family !== local.socketFamily
  const own = local.family === named.family ? destinationOf(state, local.address) : undefined
  const used =
    own?.kind === "unicast"
      ? own
      : destinationOf(state, Destination.loopbackAddress(isMapped ? local.family : named.family))!
  return { ...used, literalFamily: named.literalFamily }
}

/** Returns the error of a destination that a socket cannot send to, if it is one. */
export const destinationError = (
  { node }: Host,
  local: Binding,
  to: Endpoint.Endpoint,
  destination: Destination.Destination,
  broadcast: boolean | undefined
): NetworkError | undefined => {
  const { port } = to
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || destination.literalFamily !== local.socketFamily)
    return invalidDestination(to)
  const { family, kind, route } = destination
  if (kind === "broadcast" && !broadcast) return fail("PermissionDenied", inetAddressOf(to))
  // A socket on one address of an IP family cannot send to the other family.
  if (local.family !== family && !(local.isWildcard && local.family === "IPv6"))
    return family === "IPv6"
      ? invalidAddress(`${to.address} from ${local.address}`)
      : fail("Unreachable", inetAddressOf(to))
  const leavesLoopback = kind === "unicast" && route !== undefined && route !== "loopback"
  return leavesLoopback && family === "IPv4" && Destination.interfaceWith(node, local.address) === Destination.loopback
    ? invalidAddress(`${to.address} from ${local.address}`)
    : undefined
}
