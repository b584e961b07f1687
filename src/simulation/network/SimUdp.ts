/** UDP of a simulated host: ports, multicast groups, receive queues and port unreachable errors. */

import * as Effect from "effect/Effect"
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

const ignored = () => {}

const fail = (reason: Reason, address?: NetAddress.SocketAddress) => new NetworkError({ reason, address })

const isIpv6 = (address: string) => address.includes(":")

const limitedBroadcast = "255.255.255.255"

/** Creates the UDP of a host. @category constructors @since 0.1.0 */
export const make = (lan: SimLan, node: Node, stackOf: (node: Node) => SimUdp | undefined): SimUdp => {
  const socketsByPort = new Map<number, Array<BoundSocket>>()
  let nextPort = ephemeralPorts.first

  const isAvailable = (port: number, requestedBinding: Pick<BoundSocket, "address" | "wildcard" | "reuse">) =>
    (socketsByPort.get(port) ?? []).every(
      (other) =>
        isIpv6(other.address) !== isIpv6(requestedBinding.address) ||
        (!other.wildcard && !requestedBinding.wildcard && other.address !== requestedBinding.address) ||
        (other.reuse !== undefined && other.reuse === requestedBinding.reuse)
    )
  const ephemeralPort = (requestedBinding: Pick<BoundSocket, "address" | "wildcard" | "reuse">): number | undefined => {
    for (let tries = ephemeralPorts.last - ephemeralPorts.first; tries >= 0; tries--) {
      const port = nextPort++
      if (nextPort > ephemeralPorts.last) nextPort = ephemeralPorts.first
      if (isAvailable(port, { ...requestedBinding, reuse: undefined })) return port
    }
    return undefined
  }
  const close = (bound: BoundSocket) => {
    const remaining = (socketsByPort.get(bound.port) ?? []).filter((one) => one !== bound)
    if (remaining.length === 0) socketsByPort.delete(bound.port)
    else socketsByPort.set(bound.port, remaining)
    bound.receiveQueue.length = 0
  }

  /** Queues a datagram for the socket; the queue is drained as soon as a fiber could run. */
  const enqueue = (bound: BoundSocket, bytes: Uint8Array, from: Endpoint.Endpoint) => {
    if (bound.queuedBytes + bytes.length > bound.receiveBufferBytes) {
      bound.dropped++
      return
    }
    bound.queuedBytes += bytes.length
    bound.receiveQueue.push({ bytes, from })
    if (bound.receiveQueue.length === 1) scheduleDrain(bound)
  }
  const scheduleDrain = (bound: BoundSocket) => {
    const { clock } = lan
    if (node.pausedUntil > clock.now()) clock.schedule(node.pausedUntil, () => scheduleDrain(bound))
    else clock.queueTask(() => drain(bound))
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
  const isBoundTo = (bound: BoundSocket, to: Endpoint.Endpoint, shared: boolean) =>
    isIpv6(bound.address) === isIpv6(to.address) && (bound.wildcard || bound.address === to.address || shared)
  const acceptsSender = ({ remote }: BoundSocket, from: Endpoint.Endpoint) =>
    remote === undefined || Endpoint.equals(remote, from)

  const receive: SimUdp["receive"] = (bytes, from, to, sender) => {
    if (!node.up) return
    const isGroupAddress = isMulticast(to.address)
    const isShared = isGroupAddress || isBroadcast(to.address)
    const matching = (socketsByPort.get(to.port) ?? []).filter(
      (bound) =>
        isBoundTo(bound, to, false) &&
        acceptsSender(bound, from) &&
        (!isGroupAddress || bound.groups.includes(to.address))
    )
    const members = isGroupAddress
      ? (socketsByPort.get(to.port) ?? []).filter((bound) => bound.groups.includes(to.address))
      : matching
    if (isShared) {
      for (const bound of members) enqueue(bound, new Uint8Array(bytes), from)
      return
    }
    if (matching.length === 0) return void stackOf(sender)?.onPortUnreachable(from, to)
    // The most specific socket receives the datagram: connected, then bound to the address, then to the wildcard. Among
    // equals with `reusePort`, the sender's address decides.
    const rank = (bound: BoundSocket) => (bound.remote === undefined ? 0 : 2) + (bound.wildcard ? 0 : 1)
    const best = Math.max(...matching.map(rank))
    const equal = matching.filter((bound) => rank(bound) === best)
    const chosen = equal[0]!.reuse === "port" ? equal[indexBySender(from, equal.length)] : equal.at(-1)
    enqueue(chosen!, bytes, from)
  }
  const isBroadcast = (address: string) =>
    address === limitedBroadcast ||
    node.interfaces.some((one) => one.broadcast === address) ||
    address === "127.255.255.255"

  /** Returns the destination hosts and the source address; for a multicast group, those of the chosen interface. */
  const destinationsOf = (
    to: Endpoint.Endpoint,
    through?: string
  ): { source: string | undefined; nodes: ReadonlyArray<Node> } => {
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
    if (route === "loopback") return { source: isBroadcast(to.address) ? "127.0.0.1" : to.address, nodes: [node] }
    return { source: route?.literal, nodes: other === undefined ? [] : [other] }
  }

  const hasInterface = (name: string) => node.interfaces.some((one) => hasName(one, name))

  const validAddresses = new Set<string>()
  /** Returns true for an address of the family with a valid port. Valid addresses are cached. */
  const isValidDestination = ({ address, port }: Endpoint.Endpoint, family: string) => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535 || isIpv6(address) !== isIpv6(family)) return false
    if (validAddresses.has(address)) return true
    const isAddress = Result.isSuccess(NetAddress.ipFromString(address))
    if (isAddress && validAddresses.size < 10_000) validAddresses.add(address)
    return isAddress
  }

  const sendDatagram = (
    bound: BoundSocket,
    bytes: Uint8Array,
    given: Endpoint.Endpoint | undefined,
    { broadcast, multicast }: UdpOptions
  ) => {
    const to = given ?? bound.remote!
    if (!isValidDestination(to, bound.address)) {
      return new NetworkError({ reason: "InvalidAddress", cause: new Error(`${to.address} port ${to.port}`) })
    }
    if (isBroadcast(to.address) && !broadcast) return fail("PermissionDenied", inetAddressOf(to))
    const { nodes, source } = destinationsOf(to, isMulticast(to.address) ? multicast?.interface : undefined)
    if (source === undefined && nodes.length === 0) return fail("Unreachable", inetAddressOf(to))
    // A socket can be bound to a broadcast address, but no packet has it as its source.
    const isChosen = bound.wildcard || isBroadcast(bound.address)
    const from = { address: isChosen ? (source ?? bound.address) : bound.address, port: bound.port }
    const isTooLarge = (other: Node) => bytes.length > maxPayloadBytes(to.address, lan.mtu(node, other))
    if (nodes.some(isTooLarge)) return fail("MessageTooLarge", inetAddressOf(to))
    const excluded = multicast?.loopback === false ? node : undefined
    for (const other of nodes) {
      if (isMulticast(to.address) && (other === excluded || !stackOf(other)?.isGroupMember(to.address))) continue
      const packet = { transport: "udp", kind: "datagram", from, to, bytes } as const
      lan.datagram(packet, node, other, (copy) => stackOf(other)?.receive(copy, from, to, node))
    }
    return undefined
  }

  const open: SimUdp["open"] = Effect.fnUntraced(function* (options, onDatagram, onError = ignored) {
    const host = options.host ?? "127.0.0.1"
    const requested = NetAddress.inetAddressFromIpString(Endpoint.withoutZone(host), options.port ?? 0)
    if (Result.isFailure(requested))
      return yield* new NetworkError({ reason: "InvalidAddress", cause: requested.failure })
    const wildcard = NetAddress.isUnspecified(requested.success.address)
    const isLocal = wildcard || isBroadcast(host) || lan.route(node, host) === "loopback"
    if (!isLocal) return yield* fail("AddressNotAvailable", requested.success)
    const reuse = options.reusePort ? ("port" as const) : options.reuseAddress ? ("address" as const) : undefined
    const remote = options.remote
    if (remote !== undefined && !isValidDestination(remote, host)) {
      return yield* new NetworkError({ reason: "InvalidAddress", cause: new Error(`${remote.address} ${remote.port}`) })
    }
    const local =
      wildcard && remote !== undefined ? destinationsOf(remote).source : NetAddress.formatIp(requested.success.address)
    if (local === undefined) return yield* fail("Unreachable", inetAddressOf(remote!))
    const requestedBinding = { address: local, wildcard: wildcard && remote === undefined, reuse }
    const port = requested.success.port || ephemeralPort(requestedBinding)
    if (port === undefined || !isAvailable(port, requestedBinding))
      return yield* fail("AddressInUse", requested.success)
    const limit = options.receiveBuffer ?? defaultReceiveBufferBytes
    const bound: BoundSocket = {
      ...requestedBinding,
      port,
      remote,
      groups: [],
      receiveQueue: [],
      receiveBufferBytes: limit,
      queuedBytes: 0,
      dropped: 0,
      onDatagram,
      onError
    }
    let closed = false
    yield* Effect.acquireRelease(
      Effect.sync(() => socketsByPort.set(port, [...(socketsByPort.get(port) ?? []), bound])),
      () =>
        Effect.sync(() => {
          closed = true
          close(bound)
        })
    )
    const isOpen = () => !closed && node.up && (socketsByPort.get(port)?.includes(bound) ?? false)
    const { multicast } = options
    if (multicast?.interface !== undefined && !hasInterface(multicast.interface)) {
      return yield* fail("AddressNotAvailable", requested.success)
    }
    const send = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined): NetworkError | undefined => {
      if (!isOpen()) return fail("Closed")
      if (to === undefined && remote === undefined) return fail("NotConnected")
      if (to !== undefined && remote !== undefined) return fail("IsConnected", inetAddressOf(remote))
      return sendDatagram(bound, bytes, to, options)
    }
    const join: UdpSocket["join"] = (group, through) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (!isOpen()) return Effect.fail(fail("Closed"))
          if (through !== undefined && !hasInterface(through)) return Effect.fail(fail("AddressNotAvailable"))
          if (isMulticast(group) && isIpv6(group) === isIpv6(local)) return Effect.sync(() => bound.groups.push(group))
          return Effect.fail(
            new NetworkError({ reason: "InvalidAddress", cause: new Error(`${group} is not a multicast group`) })
          )
        }),
        () => Effect.sync(() => bound.groups.splice(bound.groups.indexOf(group), 1))
      )
    const socket: UdpSocket = {
      local: NetAddress.inetAddressFromIpStringUnsafe(local, port),
      send: (bytes, to) =>
        Effect.suspend(() => {
          const failure = send(bytes, to)
          return failure === undefined ? Effect.void : Effect.fail(failure)
        }),
      sendUnsafe: (bytes, to) => void send(bytes, to),
      join,
      receiveBuffer: limit,
      dropped: Effect.sync(() => (isOpen() ? bound.dropped : undefined))
    }
    return socket
  })

  return {
    open,
    receive,
    onPortUnreachable: (from, to) => {
      for (const bound of socketsByPort.get(from.port) ?? []) {
        if (bound.remote !== undefined && Endpoint.equals(bound.remote, to)) {
          lan.clock.queueTask(() => bound.onError(fail("Refused", inetAddressOf(to))))
        }
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

const inetAddressOf = ({ address, port }: Endpoint.Endpoint) =>
  NetAddress.inetAddressFromNativeUnsafe(Endpoint.withoutZone(address), port)

const hasName = (one: SimInterface, name: string) =>
  one.literal === name || `%${one.name}` === name || one.name === name

const isMulticast = (address: string) => {
  if (address.includes(":")) return /^ff/i.test(address)
  const first = Number.parseInt(address, 10)
  return first >= 224 && first < 240
}
