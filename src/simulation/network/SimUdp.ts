/** The UDP of a simulated host: ports, groups, receive queues, refusals. */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import { NetworkError, type Reason, type UdpOptions, type UdpSocket } from "../../network/Network.ts"
import type { Attachment, Node, SimLan } from "./SimLan.ts"

/** What the kernel of Linux grants, in bytes. */
const defaultBuffer = 212_992

/** The ports given to those who ask for any. */
const ephemeral = { first: 32_768, last: 60_999 }

/** The largest payload of a datagram: 65,535 less the headers of IPv4, or of IPv6 without its own. */
const largest = (address: string, mtu: number) => mtu - (address.includes(":") ? (mtu === 65_535 ? 8 : 48) : 28)

/** A bound socket. */
interface Bound {
  readonly address: string
  readonly port: number
  readonly wildcard: boolean
  readonly remote: Endpoint.Endpoint | undefined
  readonly reuse: "address" | "port" | undefined
  readonly groups: Array<string>
  readonly queue: Array<{ readonly bytes: Uint8Array; readonly from: Endpoint.Endpoint }>
  readonly limit: number
  queued: number
  dropped: number
  readonly onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void
  readonly onError: (error: NetworkError) => void
}

/** The UDP of one host, from its start to its crash. @category models @since 0.1.0 */
export interface SimUdp {
  readonly open: (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ) => Effect.Effect<UdpSocket, NetworkError, Scope.Scope>
  /** A datagram has come to this host. */
  readonly arrive: (bytes: Uint8Array, from: Endpoint.Endpoint, to: Endpoint.Endpoint, sender: Node) => void
  /** A datagram sent from here found nobody. */
  readonly refused: (from: Endpoint.Endpoint, to: Endpoint.Endpoint) => void
  /** All sockets are gone at once. */
  readonly cut: () => void
  readonly count: () => number
  /** Whether a socket of this host is in a group: the wire carries a group's datagrams to its members only. */
  readonly isIn: (group: string) => boolean
}

const ignored = () => {}

const fail = (reason: Reason, address?: NetAddress.SocketAddress) => new NetworkError({ reason, address })

const isIpv6 = (address: string) => address.includes(":")

const limited = "255.255.255.255"

/** @category constructors @since 0.1.0 */
export const make = (lan: SimLan, node: Node, stackOf: (node: Node) => SimUdp | undefined): SimUdp => {
  const ports = new Map<number, Array<Bound>>()
  let nextPort = ephemeral.first

  const takeable = (port: number, wanted: Pick<Bound, "address" | "wildcard" | "reuse">) =>
    (ports.get(port) ?? []).every(
      (other) =>
        isIpv6(other.address) !== isIpv6(wanted.address) ||
        (!other.wildcard && !wanted.wildcard && other.address !== wanted.address) ||
        (other.reuse !== undefined && other.reuse === wanted.reuse)
    )
  const anyPort = (wanted: Pick<Bound, "address" | "wildcard" | "reuse">): number | undefined => {
    for (let tries = ephemeral.last - ephemeral.first; tries >= 0; tries--) {
      const port = nextPort++
      if (nextPort > ephemeral.last) nextPort = ephemeral.first
      if (takeable(port, { ...wanted, reuse: undefined })) return port
    }
    return undefined
  }
  const close = (bound: Bound) => {
    const left = (ports.get(bound.port) ?? []).filter((one) => one !== bound)
    if (left.length === 0) ports.delete(bound.port)
    else ports.set(bound.port, left)
    bound.queue.length = 0
  }

  /** Hands over what has come, as soon as a fiber could run. */
  const accept = (bound: Bound, bytes: Uint8Array, from: Endpoint.Endpoint) => {
    if (bound.queued + bytes.length > bound.limit) {
      bound.dropped++
      return
    }
    bound.queued += bytes.length
    bound.queue.push({ bytes, from })
    if (bound.queue.length === 1) schedule(bound)
  }
  const schedule = (bound: Bound) => {
    const { clock } = lan
    if (node.pausedUntil > clock.now()) clock.at(node.pausedUntil, () => schedule(bound))
    else clock.soon(() => drain(bound))
  }
  const drain = (bound: Bound) => {
    for (const { bytes, from } of bound.queue.splice(0)) {
      bound.queued -= bytes.length
      bound.onDatagram(bytes, from)
    }
  }

  const spread = (from: Endpoint.Endpoint, count: number) => {
    let hash = from.port
    for (let i = 0; i < from.address.length; i++) hash = (Math.imul(hash, 31) + from.address.charCodeAt(i)) >>> 0
    return hash % count
  }
  const isFor = (bound: Bound, to: Endpoint.Endpoint, shared: boolean) =>
    isIpv6(bound.address) === isIpv6(to.address) && (bound.wildcard || bound.address === to.address || shared)
  const hears = ({ remote }: Bound, from: Endpoint.Endpoint) => remote === undefined || Endpoint.same(remote, from)

  const arrive: SimUdp["arrive"] = (bytes, from, to, sender) => {
    if (!node.up) return
    const group = isGroup(to.address)
    const shared = group || isBroadcast(to.address)
    const all = (ports.get(to.port) ?? []).filter(
      (bound) => isFor(bound, to, false) && hears(bound, from) && (!group || bound.groups.includes(to.address))
    )
    const members = group ? (ports.get(to.port) ?? []).filter((bound) => bound.groups.includes(to.address)) : all
    if (shared) {
      for (const bound of members) accept(bound, new Uint8Array(bytes), from)
      return
    }
    if (all.length === 0) return void stackOf(sender)?.refused(from, to)
    // The most specific one: connected before bound to the address before the wildcard; of equal ones by sender.
    const rank = (bound: Bound) => (bound.remote === undefined ? 0 : 2) + (bound.wildcard ? 0 : 1)
    const best = Math.max(...all.map(rank))
    const equal = all.filter((bound) => rank(bound) === best)
    const chosen = equal[0]!.reuse === "port" ? equal[spread(from, equal.length)] : equal.at(-1)
    accept(chosen!, bytes, from)
  }
  const isBroadcast = (address: string) =>
    address === limited || node.attachments.some((one) => one.broadcast === address) || address === "127.255.255.255"

  /** Whom a datagram goes to, and from which address; a group's, through which interface. */
  const targets = (
    to: Endpoint.Endpoint,
    through?: string
  ): { source: string | undefined; nodes: ReadonlyArray<Node> } => {
    const wire = (attachment: Attachment | undefined) => ({
      source: attachment?.literal,
      nodes: attachment === undefined ? [] : lan.on(attachment.segment)
    })
    if (isGroup(to.address) || to.address === limited) {
      const first = node.attachments.find(
        (one) => isIpv6(one.literal) === isIpv6(to.address) && (through === undefined || isNamed(one, through))
      )
      return first === undefined ? { source: undefined, nodes: [node] } : wire(first)
    }
    const directed = node.attachments.find((one) => one.broadcast === to.address)
    if (directed !== undefined) return wire(directed)
    const route = lan.route(node, to.address)
    const other = route === undefined ? undefined : lan.find(node, to.address)
    if (route === "loopback") return { source: isBroadcast(to.address) ? "127.0.0.1" : to.address, nodes: [node] }
    return { source: route?.literal, nodes: other === undefined ? [] : [other] }
  }

  const hasInterface = (name: string) => node.attachments.some((one) => isNamed(one, name))

  const known = new Set<string>()
  /** Whether a destination is an address of the family, and a port. Those that are known are not looked at again. */
  const isUsable = ({ address, port }: Endpoint.Endpoint, family: string) => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535 || isIpv6(address) !== isIpv6(family)) return false
    if (known.has(address)) return true
    const isAddress = Result.isSuccess(NetAddress.ipFromString(address))
    if (isAddress && known.size < 10_000) known.add(address)
    return isAddress
  }

  const post = (
    bound: Bound,
    bytes: Uint8Array,
    given: Endpoint.Endpoint | undefined,
    { broadcast, multicast }: UdpOptions
  ) => {
    const to = given ?? bound.remote!
    if (!isUsable(to, bound.address)) {
      return new NetworkError({ reason: "InvalidAddress", cause: new Error(`${to.address} port ${to.port}`) })
    }
    if (isBroadcast(to.address) && !broadcast) return fail("PermissionDenied", inet(to))
    const { nodes, source } = targets(to, isGroup(to.address) ? multicast?.interface : undefined)
    if (source === undefined && nodes.length === 0) return fail("Unreachable", inet(to))
    // No packet comes from a broadcast address, though a socket can be bound to one.
    const isChosen = bound.wildcard || isBroadcast(bound.address)
    const from = { address: isChosen ? (source ?? bound.address) : bound.address, port: bound.port }
    const isTooLarge = (other: Node) => bytes.length > largest(to.address, lan.mtu(node, other))
    if (nodes.some(isTooLarge)) return fail("MessageTooLarge", inet(to))
    const deaf = multicast?.loopback === false ? node : undefined
    for (const other of nodes) {
      if (isGroup(to.address) && (other === deaf || !stackOf(other)?.isIn(to.address))) continue
      const packet = { transport: "udp", kind: "datagram", from, to, bytes } as const
      lan.datagram(packet, node, other, (copy) => stackOf(other)?.arrive(copy, from, to, node))
    }
    return undefined
  }

  const open: SimUdp["open"] = Effect.fnUntraced(function* (options, onDatagram, onError = ignored) {
    const host = options.host ?? "127.0.0.1"
    const asked = NetAddress.inetAddressFromIpString(Endpoint.withoutZone(host), options.port ?? 0)
    if (Result.isFailure(asked)) return yield* new NetworkError({ reason: "InvalidAddress", cause: asked.failure })
    const wildcard = NetAddress.isUnspecified(asked.success.address)
    const own = wildcard || isBroadcast(host) || lan.route(node, host) === "loopback"
    if (!own) return yield* fail("AddressNotAvailable", asked.success)
    const reuse = options.reusePort ? ("port" as const) : options.reuseAddress ? ("address" as const) : undefined
    const remote = options.remote
    if (remote !== undefined && !isUsable(remote, host)) {
      return yield* new NetworkError({ reason: "InvalidAddress", cause: new Error(`${remote.address} ${remote.port}`) })
    }
    const local = wildcard && remote !== undefined ? targets(remote).source : NetAddress.formatIp(asked.success.address)
    if (local === undefined) return yield* fail("Unreachable", inet(remote!))
    const wanted = { address: local, wildcard: wildcard && remote === undefined, reuse }
    const port = asked.success.port || anyPort(wanted)
    if (port === undefined || !takeable(port, wanted)) return yield* fail("AddressInUse", asked.success)
    const limit = options.receiveBuffer ?? defaultBuffer
    const bound: Bound = {
      ...wanted,
      port,
      remote,
      groups: [],
      queue: [],
      limit,
      queued: 0,
      dropped: 0,
      onDatagram,
      onError
    }
    let closed = false
    yield* Effect.acquireRelease(
      Effect.sync(() => ports.set(port, [...(ports.get(port) ?? []), bound])),
      () =>
        Effect.sync(() => {
          closed = true
          close(bound)
        })
    )
    const isOpen = () => !closed && node.up && (ports.get(port)?.includes(bound) ?? false)
    const { multicast } = options
    if (multicast?.interface !== undefined && !hasInterface(multicast.interface)) {
      return yield* fail("AddressNotAvailable", asked.success)
    }
    const send = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined): NetworkError | undefined => {
      if (!isOpen()) return fail("Closed")
      if (to === undefined && remote === undefined) return fail("NotConnected")
      if (to !== undefined && remote !== undefined) return fail("IsConnected", inet(remote))
      return post(bound, bytes, to, options)
    }
    const join: UdpSocket["join"] = (group, through) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (!isOpen()) return Effect.fail(fail("Closed"))
          if (through !== undefined && !hasInterface(through)) return Effect.fail(fail("AddressNotAvailable"))
          if (isGroup(group) && isIpv6(group) === isIpv6(local)) return Effect.sync(() => bound.groups.push(group))
          return Effect.fail(new NetworkError({ reason: "InvalidAddress", cause: new Error(`${group} is no group`) }))
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
    arrive,
    refused: (from, to) => {
      for (const bound of ports.get(from.port) ?? []) {
        if (bound.remote !== undefined && Endpoint.same(bound.remote, to)) {
          lan.clock.soon(() => bound.onError(fail("Refused", inet(to))))
        }
      }
    },
    cut: () => {
      // What a paused host has not taken yet is not for its next life.
      for (const all of ports.values()) for (const bound of all) bound.queue.length = 0
      ports.clear()
    },
    isIn: (group) => [...ports.values()].some((all) => all.some(({ groups }) => groups.includes(group))),
    count: () => [...ports.values()].reduce((sum, all) => sum + all.length, 0)
  }
}

const inet = ({ address, port }: Endpoint.Endpoint) =>
  NetAddress.inetAddressFromNativeUnsafe(Endpoint.withoutZone(address), port)

const isNamed = (one: Attachment, name: string) =>
  one.literal === name || `%${one.interface}` === name || one.interface === name

const isGroup = (address: string) => {
  if (address.includes(":")) return /^ff/i.test(address)
  const first = Number.parseInt(address, 10)
  return first >= 224 && first < 240
}
