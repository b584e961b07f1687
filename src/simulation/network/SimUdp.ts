/** UDP of a simulated host: ports, multicast groups, receive queues and port unreachable errors, as Linux has them. */

import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import { NetworkError, type UdpOptions, type UdpSocket } from "../../network/Network.ts"
import type { Node, SimLan } from "./SimLan.ts"
import * as BoundSocket from "./udp/BoundSocket.ts"
import * as Destination from "./udp/Destination.ts"
import * as ReceiveBuffer from "./udp/ReceiveBuffer.ts"
import * as Way from "./udp/Way.ts"

/** Ephemeral ports of Linux. */
const ephemeralPorts = { first: 32_768, last: 60_999 }

/**
 * Returns the largest payload of a datagram: the MTU less the headers; at the default MTU, the IPv6 header does not
 * count.
 */
const maxPayloadBytes = (family: Destination.Family, mtu: number) =>
  mtu - (family === "IPv6" ? (mtu === 65_535 ? 8 : 48) : 28)

/** UDP of one host, from its start to its crash. @category models @since 0.1.0 */
export interface SimUdp {
  readonly open: (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ) => Effect.Effect<UdpSocket, NetworkError, Scope.Scope>
  /** Receives a datagram for this host, on the interface with this subnet. */
  readonly receive: (
    bytes: Uint8Array,
    from: Endpoint.Endpoint,
    to: Endpoint.Endpoint,
    sender: Node,
    subnet: string
  ) => void
  /** Handles the ICMP error "port unreachable" for a datagram sent from here. */
  readonly onPortUnreachable: (from: Endpoint.Endpoint, to: Endpoint.Endpoint) => void
  /** Discards all sockets. */
  readonly crash: () => void
  readonly count: () => number
  /** Returns true if a socket of this host has joined a group on the interface with this subnet. */
  readonly isGroupMember: (group: string, subnet: string) => boolean
}

/** The sockets of a host, and what it needs to send datagrams. */
interface State extends Way.Host {
  readonly stackOf: (node: Node) => SimUdp | undefined
  readonly socketsByPort: Map<number, ReadonlyArray<BoundSocket.BoundSocket>>
  nextPort: number
}

const isAvailable = ({ socketsByPort }: State, port: number, requested: BoundSocket.Binding) =>
  (socketsByPort.get(port) ?? []).every((other) => BoundSocket.canShare(other, requested))

const ephemeralPort = (state: State, requested: BoundSocket.Binding): number | undefined => {
  const own = { ...requested, reuseAddress: false, reusePort: false }
  for (let tries = ephemeralPorts.last - ephemeralPorts.first; tries >= 0; tries--) {
    const port = state.nextPort++
    if (state.nextPort > ephemeralPorts.last) state.nextPort = ephemeralPorts.first
    if (isAvailable(state, port, own)) return port
  }
  return undefined
}

const close = ({ socketsByPort }: State, bound: BoundSocket.BoundSocket) => {
  const remaining = (socketsByPort.get(bound.port) ?? []).filter((one) => one !== bound)
  if (remaining.length === 0) socketsByPort.delete(bound.port)
  else socketsByPort.set(bound.port, remaining)
  discard(bound)
}

const discard = (bound: BoundSocket.BoundSocket) => {
  bound.isOpen = false
  bound.receiveQueue.length = 0
  bound.memberships.length = 0
}

/** Queues a datagram for the socket; the queue is drained as soon as a fiber could run. */
const enqueue = (
  { lan, node }: State,
  bound: BoundSocket.BoundSocket,
  bytes: Uint8Array,
  from: Endpoint.Endpoint,
  family: Destination.Family
) => {
  const charge = ReceiveBuffer.chargeOf(bytes.length, family)
  // Linux accepts any datagram into an empty queue.
  if (bound.queuedBytes > 0 && bound.queuedBytes + charge > bound.receiveBufferBytes) {
    bound.dropped++
    return
  }
  bound.queuedBytes += charge
  bound.receiveQueue.push({ bytes, charge, from: bound.socketFamily === family ? from : mapped(from) })
  if (bound.receiveQueue.length === 1) node.run(() => lan.clock.queueTask(() => drain(bound)))
}

const mapped = ({ address, port }: Endpoint.Endpoint): Endpoint.Endpoint => ({ address: `::ffff:${address}`, port })

const drain = (bound: BoundSocket.BoundSocket) => {
  for (const { bytes, charge, from } of bound.receiveQueue.splice(0)) {
    bound.queuedBytes -= charge
    bound.onDatagram(bytes, from)
  }
}

/** Delivers a datagram to every socket that receives from a group or a broadcast, else to the most specific one. */
const receive =
  (state: State): SimUdp["receive"] =>
  (bytes, from, to, sender, subnet) => {
    const { lan, node, stackOf } = state
    if (!node.up) return
    const onPort = state.socketsByPort.get(to.port)
    const destination = Way.destinationOf(state, to.address)!
    const { family, kind } = destination
    if (kind === "unicast") {
      const chosen = onPort && BoundSocket.select(onPort, from, to.address, family)
      if (chosen !== undefined) return enqueue(state, chosen, bytes, from, family)
      return lan.icmp(node, sender, () => stackOf(sender)?.onPortUnreachable(from, to))
    }
    for (const bound of onPort ?? []) {
      if (!BoundSocket.matches(bound, from, to.address, family)) continue
      if (kind === "group" && !BoundSocket.receivesFromGroup(bound, to.address, subnet, family)) continue
      enqueue(state, bound, new Uint8Array(bytes), from, family)
    }
  }

/** Reports the error of an earlier datagram, unless an operation already has. */
const takeError = (bound: BoundSocket.BoundSocket): NetworkError | undefined => {
  const error = bound.pendingError
  bound.pendingError = undefined
  return error
}

const sendDatagram = (
  state: State,
  bound: BoundSocket.BoundSocket,
  bytes: Uint8Array,
  to: Endpoint.Endpoint,
  { broadcast, multicast }: UdpOptions
): NetworkError | undefined => {
  const { lan, node, stackOf } = state
  const destination = Way.destinationFrom(state, to.address, bound)
  if (destination === undefined) return Way.invalidDestination(to)
  const error = Way.destinationError(state, bound, to, destination, broadcast) ?? takeError(bound)
  if (error !== undefined) return error
  const { address, family, kind } = destination
  const way = Way.to(state, destination, bound.address, multicast?.interface)
  if (way === undefined) return Way.fail("Unreachable", Way.inetAddressOf(to))
  const { nodes, source, subnet } = way
  // A socket can be bound to a group or a broadcast address, but no packet has it as its source.
  const from = { address: bound.source ?? source, port: bound.port }
  const target = to.address === address ? to : { address, port: to.port }
  for (const other of nodes)
    if (bytes.length > maxPayloadBytes(family, lan.mtu(node, other)))
      return Way.fail("MessageTooLarge", Way.inetAddressOf(to))
  const packet = { transport: "udp", kind: "datagram", from, to: target, bytes } as const
  // The loopback interface delivers to this host in any case.
  const isSilent = multicast?.loopback === false && subnet !== Destination.loopback
  for (const other of nodes) {
    if (kind === "group") {
      if (other === node && isSilent) continue
      if (!stackOf(other)?.isGroupMember(address, subnet)) continue
    }
    lan.datagram(packet, node, other, (copy) => stackOf(other)?.receive(copy, from, target, node, subnet))
  }
  return undefined
}

/** Returns the address of a socket before it is connected. */
const bindingOf = (requested: NetAddress.InetAddress, { reuseAddress, reusePort }: UdpOptions): BoundSocket.Binding => {
  const ip = NetAddress.toCanonical(requested.address)
  const address = NetAddress.formatIp(ip)
  return {
    address,
    family: Destination.familyOf(address),
    socketFamily: NetAddress.isInetAddressV4(requested) ? "IPv4" : "IPv6",
    isWildcard: NetAddress.isUnspecified(ip),
    wasWildcard: false,
    reuseAddress: reuseAddress ?? false,
    reusePort: reusePort ?? false
  }
}

/** Returns the address of a socket after it was connected, and the address of its peer. */
const connect = (
  state: State,
  binding: BoundSocket.Binding,
  remote: Endpoint.Endpoint,
  { broadcast, multicast }: UdpOptions
): Result.Result<{ readonly binding: BoundSocket.Binding; readonly remote: Endpoint.Endpoint }, NetworkError> => {
  const destination = Way.destinationFrom(state, remote.address, binding)
  if (destination === undefined) return Result.fail(Way.invalidDestination(remote))
  const error = Way.destinationError(state, binding, remote, destination, broadcast)
  if (error !== undefined) return Result.fail(error)
  const way = Way.to(state, destination, binding.address, multicast?.interface)
  if (way === undefined) return Result.fail(Way.fail("Unreachable", Way.inetAddressOf(remote)))
  const { source: address } = way
  return Result.succeed({
    binding: binding.isWildcard
      ? { ...binding, address, family: Destination.familyOf(address), isWildcard: false, wasWildcard: true }
      : binding,
    remote: { address: destination.address, port: remote.port }
  })
}

/** Binds a socket, as its options ask, until the scope closes. */
const bind = Effect.fnUntraced(function* (
  state: State,
  options: UdpOptions,
  onDatagram: BoundSocket.BoundSocket["onDatagram"],
  onError: BoundSocket.BoundSocket["onError"]
): Effect.fn.Return<BoundSocket.BoundSocket, NetworkError, Scope.Scope> {
  const { node, socketsByPort } = state
  const { host = "127.0.0.1", multicast, remote } = options
  const parsed = NetAddress.inetAddressFromIpString(Endpoint.withoutZone(host), options.port ?? 0)
  if (Result.isFailure(parsed)) return yield* new NetworkError({ reason: "InvalidAddress", cause: parsed.failure })
  const requested = parsed.success
  if (remote !== undefined && Way.destinationOf(state, remote.address) === undefined)
    return yield* Way.invalidDestination(remote)
  const unconnected = bindingOf(requested, options)
  const { kind, route } = Way.destinationOf(state, unconnected.address)!
  if (kind === "unicast" && route !== "loopback") return yield* Way.fail("AddressNotAvailable", requested)
  const port = requested.port || ephemeralPort(state, unconnected)
  if (port === undefined || !isAvailable(state, port, unconnected)) return yield* Way.fail("AddressInUse", requested)
  if (multicast?.interface !== undefined && Destination.interfaceNamed(node, multicast.interface) === undefined)
    return yield* Way.fail("AddressNotAvailable", requested)
  const connected = remote && (yield* Effect.fromResult(connect(state, unconnected, remote, options)))
  const binding = connected?.binding ?? unconnected
  const isUnicast = Way.destinationOf(state, binding.address)!.kind === "unicast"
  const bound: BoundSocket.BoundSocket = {
    ...binding,
    port,
    source: isUnicast ? binding.address : undefined,
    remote: connected?.remote,
    memberships: [],
    receiveQueue: [],
    receiveBufferBytes: ReceiveBuffer.granted(options.receiveBuffer),
    queuedBytes: 0,
    dropped: 0,
    isOpen: true,
    pendingError: undefined,
    onDatagram,
    onError
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => socketsByPort.set(port, [...(socketsByPort.get(port) ?? []), bound])),
    () => Effect.sync(() => close(state, bound))
  )
  return bound
})

/** Joins a group; returns the membership, or the error. */
const join = (
  state: State,
  bound: BoundSocket.BoundSocket,
  group: string,
  through: string | undefined
): Result.Result<BoundSocket.Membership, NetworkError> => {
  if (!bound.isOpen) return Result.fail(Way.fail("Closed"))
  const destination = Way.destinationOf(state, group)
  if (destination?.kind !== "group") return Result.fail(Way.invalidAddress(`${group} is not a multicast group`))
  const { address, family } = destination
  if (family === "IPv6" && bound.socketFamily === "IPv4")
    return Result.fail(Way.invalidAddress(`${group} is not a group of IPv4`))
  const chosen =
    through === undefined
      ? Destination.defaultInterface(state.node, family)
      : Destination.interfaceNamed(state.node, through)
  if (chosen === undefined) return Result.fail(Way.fail("AddressNotAvailable"))
  const subnet = chosen === Destination.loopback ? Destination.loopback : chosen.subnet
  if (bound.memberships.some((one) => one.group === address && one.subnet === subnet))
    return Result.fail(Way.fail("AddressInUse"))
  const membership = { group: address, subnet }
  bound.memberships.push(membership)
  return Result.succeed(membership)
}

const leave = ({ memberships }: BoundSocket.BoundSocket, membership: BoundSocket.Membership) => {
  const index = memberships.indexOf(membership)
  if (index >= 0) memberships.splice(index, 1)
}

/** Returns the address of a socket as its programs see it. */
const localOf = ({ address, family, port, socketFamily }: BoundSocket.BoundSocket) =>
  NetAddress.inetAddressFromIpStringUnsafe(socketFamily === family ? address : `::ffff:${address}`, port)

const open =
  (state: State): SimUdp["open"] =>
  (options, onDatagram, onError = constVoid) =>
    Effect.map(bind(state, options, onDatagram, onError), (bound): UdpSocket => {
      const { remote } = bound
      const send = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined): NetworkError | undefined => {
        if (!bound.isOpen) return Way.fail("Closed")
        if (to !== undefined && remote !== undefined) return Way.fail("IsConnected", Way.inetAddressOf(remote))
        const destination = to ?? options.remote
        return destination === undefined
          ? Way.fail("NotConnected")
          : sendDatagram(state, bound, bytes, destination, options)
      }
      return {
        local: localOf(bound),
        send: (bytes, to) =>
          Effect.suspend(() => {
            const failure = send(bytes, to)
            return failure === undefined ? Effect.void : Effect.fail(failure)
          }),
        sendUnsafe: (bytes, to) => void send(bytes, to),
        join: (group, through) =>
          Effect.asVoid(
            Effect.acquireRelease(
              Effect.suspend(() => Effect.fromResult(join(state, bound, group, through))),
              (membership) => Effect.sync(() => leave(bound, membership))
            )
          ),
        receiveBuffer: bound.receiveBufferBytes,
        dropped: Effect.sync(() => (bound.isOpen ? bound.dropped : undefined))
      }
    })

/** Marks the socket that is connected to an endpoint as refused; an error that no send takes is reported soon. */
const onPortUnreachable =
  ({ lan, node, socketsByPort }: State): SimUdp["onPortUnreachable"] =>
  (from, to) => {
    const bound = socketsByPort
      .get(from.port)
      ?.findLast(
        ({ address, remote }) => remote !== undefined && Endpoint.equals(remote, to) && address === from.address
      )
    if (bound === undefined) return
    bound.pendingError = Way.fail("Refused", Way.inetAddressOf(to))
    const report = () => {
      const error = bound.isOpen ? takeError(bound) : undefined
      if (error !== undefined) bound.onError(error)
    }
    node.run(() => lan.clock.queueTask(report))
  }

/** Creates the UDP of a host. @category constructors @since 0.1.0 */
export const make = (lan: SimLan, node: Node, stackOf: (node: Node) => SimUdp | undefined): SimUdp => {
  const socketsByPort = new Map<number, ReadonlyArray<BoundSocket.BoundSocket>>()
  const state: State = {
    lan,
    node,
    stackOf,
    socketsByPort,
    destinations: new Map(),
    nextPort: ephemeralPorts.first
  }
  const sockets = () => [...socketsByPort.values()].flat()
  return {
    open: open(state),
    receive: receive(state),
    onPortUnreachable: onPortUnreachable(state),
    crash: () => {
      // Datagrams that a paused host has not received are lost at its crash.
      for (const bound of sockets()) discard(bound)
      socketsByPort.clear()
    },
    isGroupMember: (group, subnet) =>
      sockets().some(({ memberships }) => memberships.some((one) => one.group === group && one.subnet === subnet)),
    count: () => sockets().length
  }
}
