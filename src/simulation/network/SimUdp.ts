/** UDP of a simulated host: ports, multicast groups, receive queues and port unreachable errors. */

import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import { NetworkError, type Reason, type UdpOptions, type UdpSocket } from "../../network/Network.ts"
import type { Node, SimInterface, SimLan } from "./SimLan.ts"

/** Default receive buffer of Linux. */
const defaultReceiveBufferBytes = 212_992

/** Ephemeral ports of Linux. */
const ephemeralPorts = { first: 32_768, last: 60_999 }

/**
 * Returns the largest payload of a datagram: the MTU less the headers; at the default MTU, the IPv6 header does not
 * count.
 */
const maxPayloadBytes = (address: string, mtu: number) => mtu - (address.includes(":") ? (mtu === 65_535 ? 8 : 48) : 28)

/** A bound socket. */
interface BoundSocket {
  readonly address: string
  readonly port: number
  readonly wildcard: boolean
  readonly remote: Endpoint.Endpoint | undefined
  readonly reuse: "address" | "port" | undefined
  readonly groups: Array<string>
  readonly receiveQueue: Array<{ readonly bytes: Uint8Array; readonly from: Endpoint.Endpoint }>
  readonly receiveBufferBytes: number
  queuedBytes: number
  dropped: number
  readonly onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void
  readonly onError: (error: NetworkError) => void
}

/** UDP of one host, from its start to its crash. @category models @since 0.1.0 */
export interface SimUdp {
  readonly open: (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ) => Effect.Effect<UdpSocket, NetworkError, Scope.Scope>
  /** Receives a datagram for this host. */
  readonly receive: (bytes: Uint8Array, from: Endpoint.Endpoint, to: Endpoint.Endpoint, sender: Node) => void
  /** Handles the ICMP error "port unreachable" for a datagram sent from here. */
  readonly onPortUnreachable: (from: Endpoint.Endpoint, to: Endpoint.Endpoint) => void
  /** Discards all sockets. */
  readonly crash: () => void
  readonly count: () => number
  /** Returns true if a socket of this host is a member of a group; only members receive its datagrams. */
  readonly isGroupMember: (group: string) => boolean
}

/** The sockets of a host, and what it needs to send datagrams. */
interface State {
  readonly lan: SimLan
  readonly node: Node
  readonly stackOf: (node: Node) => SimUdp | undefined
  readonly socketsByPort: Map<number, ReadonlyArray<BoundSocket>>
  /** Destinations that were found to be valid. */
  readonly validAddresses: Set<string>
  nextPort: number
}

type Binding = Pick<BoundSocket, "address" | "wildcard" | "reuse">

const fail = (reason: Reason, address?: NetAddress.SocketAddress) => new NetworkError({ reason, address })

const invalidAddress = (message: string) => new NetworkError({ reason: "InvalidAddress", cause: new Error(message) })

const isIpv6 = (address: string) => address.includes(":")

const isMulticast = (address: string) => {
  if (isIpv6(address)) return /^ff/i.test(address)
  const first = Number.parseInt(address, 10)
  return first >= 224 && first < 240
}

const limitedBroadcast = "255.255.255.255"

const isBroadcast = ({ interfaces }: Node, address: string) =>
  address === limitedBroadcast || interfaces.some((one) => one.broadcast === address) || address === "127.255.255.255"

const inetAddressOf = ({ address, port }: Endpoint.Endpoint) =>
  NetAddress.inetAddressFromNativeUnsafe(Endpoint.withoutZone(address), port)

const hasName = (one: SimInterface, name: string) =>
  one.literal === name || `%${one.name}` === name || one.name === name

const hasInterface = ({ interfaces }: Node, name: string) => interfaces.some((one) => hasName(one, name))

const isAvailable = ({ socketsByPort }: State, port: number, requested: Binding) =>
  (socketsByPort.get(port) ?? []).every(
    (other) =>
      isIpv6(other.address) !== isIpv6(requested.address) ||
      (!other.wildcard && !requested.wildcard && other.address !== requested.address) ||
      (other.reuse !== undefined && other.reuse === requested.reuse)
  )

const ephemeralPort = (state: State, requested: Binding): number | undefined => {
  for (let tries = ephemeralPorts.last - ephemeralPorts.first; tries >= 0; tries--) {
    const port = state.nextPort++
    if (state.nextPort > ephemeralPorts.last) state.nextPort = ephemeralPorts.first
    if (isAvailable(state, port, { ...requested, reuse: undefined })) return port
  }
  return undefined
}

const close = ({ socketsByPort }: State, bound: BoundSocket) => {
  const remaining = (socketsByPort.get(bound.port) ?? []).filter((one) => one !== bound)
  if (remaining.length === 0) socketsByPort.delete(bound.port)
  else socketsByPort.set(bound.port, remaining)
  bound.receiveQueue.length = 0
}

/** Queues a datagram for the socket; the queue is drained as soon as a fiber could run. */
const enqueue = ({ lan, node }: State, bound: BoundSocket, bytes: Uint8Array, from: Endpoint.Endpoint) => {
  if (bound.queuedBytes + bytes.length > bound.receiveBufferBytes) {
    bound.dropped++
    return
  }
  bound.queuedBytes += bytes.length
  bound.receiveQueue.push({ bytes, from })
  if (bound.receiveQueue.length === 1) node.run(() => lan.clock.queueTask(() => drain(bound)))
}

const drain = (bound: BoundSocket) => {
  for (const { bytes, from } of bound.receiveQueue.splice(0)) {
    bound.queuedBytes -= bytes.length
    bound.onDatagram(bytes, from)
  }
}

const indexBySender = (from: Endpoint.Endpoint, count: number) => {
  let hash = from.port
  for (let i = 0; i < from.address.length; i++) hash = (Math.imul(hash, 31) + from.address.charCodeAt(i)) >>> 0
  return hash % count
}

const acceptsSender = ({ remote }: BoundSocket, from: Endpoint.Endpoint) =>
  remote === undefined || Endpoint.equals(remote, from)

/** Delivers a datagram to every member of a group or a broadcast, else to the most specific socket. */
const receive =
  (state: State): SimUdp["receive"] =>
  (bytes, from, to, sender) => {
    if (!state.node.up) return
    const onPort = state.socketsByPort.get(to.port) ?? []
    if (isMulticast(to.address)) {
      for (const bound of onPort)
        if (bound.groups.includes(to.address)) enqueue(state, bound, new Uint8Array(bytes), from)
      return
    }
    const matching = onPort.filter(
      (bound) =>
        isIpv6(bound.address) === isIpv6(to.address) &&
        (bound.wildcard || bound.address === to.address) &&
        acceptsSender(bound, from)
    )
    if (isBroadcast(state.node, to.address)) {
      for (const bound of matching) enqueue(state, bound, new Uint8Array(bytes), from)
      return
    }
    if (matching.length === 0) return void state.stackOf(sender)?.onPortUnreachable(from, to)
    // The most specific socket receives the datagram: connected, then bound to the address, then to the wildcard. Among
    // equals with `reusePort`, the sender's address decides.
    const rank = (bound: BoundSocket) => (bound.remote === undefined ? 0 : 2) + (bound.wildcard ? 0 : 1)
    const best = Math.max(...matching.map(rank))
    const equal = matching.filter((bound) => rank(bound) === best)
    const chosen = equal[0]!.reuse === "port" ? equal[indexBySender(from, equal.length)] : equal.at(-1)
    enqueue(state, chosen!, bytes, from)
  }

/** Returns the destination hosts and the source address; for a multicast group, those of the chosen interface. */
const destinationsOf = (
  { lan, node }: State,
  to: Endpoint.Endpoint,
  through?: string
): { readonly source: string | undefined; readonly nodes: ReadonlyArray<Node> } => {
  const onSubnet = (one: SimInterface | undefined) => ({
    source: one?.literal,
    nodes: one === undefined ? [] : lan.nodesOn(one.subnet)
  })
  if (isMulticast(to.address) || to.address === limitedBroadcast) {
    const first = node.interfaces.find(
      (one) => isIpv6(one.literal) === isIpv6(to.address) && (through === undefined || hasName(one, through))
    )
    return first === undefined ? { source: undefined, nodes: [node] } : onSubnet(first)
  }
  const directed = node.interfaces.find((one) => one.broadcast === to.address)
  if (directed !== undefined) return onSubnet(directed)
  const route = lan.route(node, to.address)
  const other = route === undefined ? undefined : lan.nodeAt(node, to.address)
  if (route === "loopback") return { source: isBroadcast(node, to.address) ? "127.0.0.1" : to.address, nodes: [node] }
  return { source: route?.literal, nodes: other === undefined ? [] : [other] }
}

/** Returns true for an address of the family with a valid port. Valid addresses are cached. */
const isValidDestination = ({ validAddresses }: State, { address, port }: Endpoint.Endpoint, family: string) => {
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || isIpv6(address) !== isIpv6(family)) return false
  if (validAddresses.has(address)) return true
  const isAddress = Result.isSuccess(NetAddress.ipFromString(address))
  if (isAddress && validAddresses.size < 10_000) validAddresses.add(address)
  return isAddress
}

const sendDatagram = (
  state: State,
  bound: BoundSocket,
  bytes: Uint8Array,
  to: Endpoint.Endpoint,
  { broadcast, multicast }: UdpOptions
) => {
  const { lan, node, stackOf } = state
  const isGroup = isMulticast(to.address)
  if (!isValidDestination(state, to, bound.address)) return invalidAddress(`${to.address} port ${to.port}`)
  if (isBroadcast(node, to.address) && !broadcast) return fail("PermissionDenied", inetAddressOf(to))
  const { nodes, source } = destinationsOf(state, to, isGroup ? multicast?.interface : undefined)
  if (source === undefined && nodes.length === 0) return fail("Unreachable", inetAddressOf(to))
  // A socket can be bound to a broadcast address, but no packet has it as its source.
  const isChosen = bound.wildcard || isBroadcast(node, bound.address)
  const from = { address: isChosen ? (source ?? bound.address) : bound.address, port: bound.port }
  const isTooLarge = (other: Node) => bytes.length > maxPayloadBytes(to.address, lan.mtu(node, other))
  if (nodes.some(isTooLarge)) return fail("MessageTooLarge", inetAddressOf(to))
  const excluded = multicast?.loopback === false ? node : undefined
  for (const other of nodes) {
    if (isGroup && (other === excluded || !stackOf(other)?.isGroupMember(to.address))) continue
    const packet = { transport: "udp", kind: "datagram", from, to, bytes } as const
    lan.datagram(packet, node, other, (copy) => stackOf(other)?.receive(copy, from, to, node))
  }
  return undefined
}

/** Binds a socket, as its options ask, until the scope closes. */
const bind = Effect.fnUntraced(function* (
  state: State,
  options: UdpOptions,
  onDatagram: BoundSocket["onDatagram"],
  onError: BoundSocket["onError"]
): Effect.fn.Return<BoundSocket, NetworkError, Scope.Scope> {
  const { lan, node, socketsByPort } = state
  const { host = "127.0.0.1", remote } = options
  const requested = NetAddress.inetAddressFromIpString(Endpoint.withoutZone(host), options.port ?? 0)
  if (Result.isFailure(requested))
    return yield* new NetworkError({ reason: "InvalidAddress", cause: requested.failure })
  const isUnspecified = NetAddress.isUnspecified(requested.success.address)
  const isLocal = isUnspecified || isBroadcast(node, host) || lan.route(node, host) === "loopback"
  if (!isLocal) return yield* fail("AddressNotAvailable", requested.success)
  if (remote !== undefined && !isValidDestination(state, remote, host))
    return yield* invalidAddress(`${remote.address} ${remote.port}`)
  const address =
    isUnspecified && remote !== undefined
      ? destinationsOf(state, remote).source
      : NetAddress.formatIp(requested.success.address)
  if (address === undefined) return yield* fail("Unreachable", inetAddressOf(remote!))
  const binding: Binding = {
    address,
    wildcard: isUnspecified && remote === undefined,
    reuse: options.reusePort ? "port" : options.reuseAddress ? "address" : undefined
  }
  const port = requested.success.port || ephemeralPort(state, binding)
  if (port === undefined || !isAvailable(state, port, binding)) return yield* fail("AddressInUse", requested.success)
  const bound: BoundSocket = {
    ...binding,
    port,
    remote,
    groups: [],
    receiveQueue: [],
    receiveBufferBytes: options.receiveBuffer ?? defaultReceiveBufferBytes,
    queuedBytes: 0,
    dropped: 0,
    onDatagram,
    onError
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => socketsByPort.set(port, [...(socketsByPort.get(port) ?? []), bound])),
    () => Effect.sync(() => close(state, bound))
  )
  const { multicast } = options
  if (multicast?.interface !== undefined && !hasInterface(node, multicast.interface))
    return yield* fail("AddressNotAvailable", requested.success)
  return bound
})

const open =
  (state: State): SimUdp["open"] =>
  (options, onDatagram, onError = constVoid) =>
    Effect.map(bind(state, options, onDatagram, onError), (bound): UdpSocket => {
      const { address, groups, port, remote } = bound
      const isOpen = () => state.node.up && (state.socketsByPort.get(port)?.includes(bound) ?? false)
      const send = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined): NetworkError | undefined => {
        if (!isOpen()) return fail("Closed")
        if (to !== undefined && remote !== undefined) return fail("IsConnected", inetAddressOf(remote))
        const destination = to ?? remote
        return destination === undefined
          ? fail("NotConnected")
          : sendDatagram(state, bound, bytes, destination, options)
      }
      const joined = (group: string, through: string | undefined) => {
        if (!isOpen()) return Effect.fail(fail("Closed"))
        if (through !== undefined && !hasInterface(state.node, through)) return Effect.fail(fail("AddressNotAvailable"))
        if (isMulticast(group) && isIpv6(group) === isIpv6(address)) return Effect.sync(() => groups.push(group))
        return Effect.fail(invalidAddress(`${group} is not a multicast group`))
      }
      return {
        local: NetAddress.inetAddressFromIpStringUnsafe(address, port),
        send: (bytes, to) =>
          Effect.suspend(() => {
            const failure = send(bytes, to)
            return failure === undefined ? Effect.void : Effect.fail(failure)
          }),
        sendUnsafe: (bytes, to) => void send(bytes, to),
        join: (group, through) =>
          Effect.acquireRelease(
            Effect.suspend(() => joined(group, through)),
            () => Effect.sync(() => groups.splice(groups.indexOf(group), 1))
          ),
        receiveBuffer: bound.receiveBufferBytes,
        dropped: Effect.sync(() => (isOpen() ? bound.dropped : undefined))
      }
    })

/** Creates the UDP of a host. @category constructors @since 0.1.0 */
export const make = (lan: SimLan, node: Node, stackOf: (node: Node) => SimUdp | undefined): SimUdp => {
  const socketsByPort = new Map<number, ReadonlyArray<BoundSocket>>()
  const state: State = {
    lan,
    node,
    stackOf,
    socketsByPort,
    validAddresses: new Set(),
    nextPort: ephemeralPorts.first
  }
  return {
    open: open(state),
    receive: receive(state),
    onPortUnreachable: (from, to) => {
      for (const bound of socketsByPort.get(from.port) ?? []) {
        if (bound.remote !== undefined && Endpoint.equals(bound.remote, to))
          lan.clock.queueTask(() => bound.onError(fail("Refused", inetAddressOf(to))))
      }
    },
    crash: () => {
      // Datagrams that a paused host has not received are lost at its crash.
      for (const all of socketsByPort.values()) for (const bound of all) bound.receiveQueue.length = 0
      socketsByPort.clear()
    },
    isGroupMember: (group) =>
      [...socketsByPort.values()].some((all) => all.some(({ groups }) => groups.includes(group))),
    count: () => [...socketsByPort.values()].reduce((sum, all) => sum + all.length, 0)
  }
}
