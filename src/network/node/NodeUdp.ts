/** UDP sockets over `node:dgram`. */

import * as Dgram from "node:dgram"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../Endpoint.ts"
import { type MulticastOptions, NetworkError, type UdpOptions, type UdpSocket } from "../Network.ts"
import type { DescriptorBudget } from "./NodeDescriptorBudget.ts"
import { inetAddress, networkError, parseAddress } from "./NodeErrors.ts"
import * as NodeInheritedClaims from "./NodeInheritedClaims.ts"
import type * as NodeInheritedSockets from "./NodeInheritedSockets.ts"
import * as NodeUdpHandle from "./NodeUdpHandle.ts"

/** Names an outgoing interface for Node: for IPv6 its zone, after an unspecified address. */
const interfaceName = (family: "udp4" | "udp6", name: string) => {
  if (family === "udp4" || name.includes(":")) return name
  const zone = name.replace(/^%/, "")
  const named = Object.entries(Os.networkInterfaces()).find(([, all]) =>
    all?.some((one) => one.scopeid === Number(zone))
  )
  return `::%${named?.[0] ?? zone}`
}

const setMulticast = (socket: Dgram.Socket, family: "udp4" | "udp6", options: MulticastOptions) => {
  if (options.ttl !== undefined) socket.setMulticastTTL(options.ttl)
  if (options.interface !== undefined) socket.setMulticastInterface(interfaceName(family, options.interface))
  if (options.loopback !== undefined) socket.setMulticastLoopback(options.loopback)
}

// Every destination is an IP literal: a synchronous answer saves each send a turn of the event loop.
const lookup: Dgram.SocketOptions["lookup"] = (name, _options, done) => done(null, name, name.includes(":") ? 6 : 4)

/**
 * Passes on a port that no other socket has. For a socket that shares its port Linux may choose that of another one
 * that does (2,000 sockets on 127.0.0.1: 79 of them), so that datagrams reach the wrong socket. A socket that does not
 * share gets one of its own; it is closed in the same turn of the event loop in which the port is bound again.
 */
const withFreePort = (
  type: Dgram.SocketType,
  address: string,
  onPort: (port: number) => void,
  onError: (cause: Error) => void
) => {
  const probe = Dgram.createSocket({ type, lookup })
  probe.once("error", (cause) => {
    probe.close()
    onError(cause)
  })
  probe.bind({ port: 0, address, exclusive: true }, () => {
    const { port } = probe.address()
    probe.close()
    onPort(port)
  })
}

const open = (
  budget: DescriptorBudget,
  options: UdpOptions,
  address: NetAddress.InetAddress,
  inherited: NodeInheritedSockets.UdpSocket | undefined
) =>
  Effect.callback<Dgram.Socket, NetworkError>((resume) => {
    if (budget.available() <= 0) return resume(Effect.fail(budget.exhausted(address)))
    const family = inherited?.family ?? (NetAddress.isInetAddressV4(address) ? "udp4" : "udp6")
    const socket = Dgram.createSocket({
      type: family,
      reuseAddr: options.reuseAddress ?? false,
      reusePort: options.reusePort ?? false,
      ...(options.receiveBuffer === undefined ? {} : { recvBufferSize: options.receiveBuffer }),
      ...(options.sendBuffer === undefined ? {} : { sendBufferSize: options.sendBuffer }),
      lookup
    })
    budget.track(socket)
    const fail = (cause: unknown, about: NetAddress.InetAddress) => {
      socket.close()
      resume(Effect.fail(networkError(cause, about)))
    }
    const ready = () => {
      socket.removeAllListeners("error")
      socket.on("error", constVoid)
      resume(Effect.succeed(socket))
    }
    socket.once("error", (cause) => fail(cause, address))
    const onListening = () => {
      try {
        if (options.broadcast) socket.setBroadcast(true)
        if (options.multicast) setMulticast(socket, family, options.multicast)
      } catch (cause) {
        return fail(cause, address)
      }
      const { remote } = options
      if (remote === undefined) return ready()
      socket.connect(remote.port, remote.address, ((cause?: Error) =>
        cause === undefined ? ready() : fail(cause, inetAddress(remote.address, remote.port))) as () => void)
    }
    const bind = (where: () => Dgram.BindOptions) => {
      try {
        socket.bind(where(), onListening)
      } catch (cause) {
        fail(cause, address)
      }
    }
    if (inherited !== undefined) return bind(() => NodeUdpHandle.bindOptions(inherited.fd, family))
    const host = NetAddress.formatHost(address)
    const bindPort = (port: number) => bind(() => ({ port, address: host, exclusive: true }))
    const sharesPort = options.reuseAddress || options.reusePort
    if (!sharesPort || address.port !== 0) return bindPort(address.port)
    withFreePort(family, host, bindPort, (cause) => fail(cause, address))
  })

/** The beginning of an IPv4 address in a socket that has both families, as a service manager binds it. */
const mappedPrefix = "::ffff:"

/** Returns the source of a datagram, an IPv4 address as such. */
const unmapped = ({ address, port }: Endpoint.Endpoint): Endpoint.Endpoint => ({
  address: address.startsWith(mappedPrefix) && address.includes(".") ? address.slice(mappedPrefix.length) : address,
  port
})

/** Returns the destination of a datagram, an IPv4 address as an IPv6 one. */
const mapped = (address: string) => (address.includes(":") ? address : `${mappedPrefix}${address}`)

/** Reads the number of dropped datagrams from /proc/net/udp, where the kernel lists it by the socket's inode. */
const readDrops = (socket: Dgram.Socket, family: NetAddress.IpFamily): number | undefined => {
  const fd = NodeUdpHandle.descriptorOf(socket)
  if (fd === undefined || fd < 0) return undefined
  try {
    const inode = /\[(\d+)\]/.exec(Fs.readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    const table = Fs.readFileSync(family === "IPv4" ? "/proc/net/udp" : "/proc/net/udp6", "utf8")
    for (const line of table.split("\n")) {
      const columns = line.trim().split(/\s+/)
      if (columns[9] === inode) return Number(columns[12])
    }
  } catch {
    // No /proc: the platform does not report drops.
  }
  return undefined
}

export const udp = (budget: DescriptorBudget, inheritedSockets: NodeInheritedSockets.Holder) =>
  Effect.fnUntraced(function* (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError: (error: NetworkError) => void = constVoid
  ): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
    const requestedAddress = yield* parseAddress(options.host ?? "127.0.0.1", options.port ?? 0)
    const remote =
      options.remote === undefined ? undefined : yield* parseAddress(options.remote.address, options.remote.port)
    const inherited = NodeInheritedClaims.claimUdp(inheritedSockets, options)
    let closed = false
    const socket = yield* Effect.acquireRelease(
      open(budget, options, requestedAddress, inherited),
      (socket) =>
        Effect.callback<void>((resume) => {
          closed = true
          socket.close(() => resume(Effect.void))
        }),
      { interruptible: true }
    )
    const hasBothFamilies = inherited?.family === "udp6"
    socket.on("message", hasBothFamilies ? (bytes, from) => onDatagram(bytes, unmapped(from)) : onDatagram)
    socket.on("error", (cause) => onError(networkError(cause, remote)))
    const bound = socket.address()
    const family = bound.family as NetAddress.IpFamily

    const destination = (to: Endpoint.Endpoint) =>
      Result.getOrUndefined(NetAddress.inetAddressFromHostString(to.address, to.port, new Map()))
    const destinationError = (to: Endpoint.Endpoint | undefined): NetworkError | undefined =>
      closed
        ? new NetworkError({ reason: "Closed" })
        : (to === undefined) === (remote === undefined)
          ? new NetworkError({ reason: remote === undefined ? "NotConnected" : "IsConnected", address: remote })
          : to?.address === ""
            ? new NetworkError({ reason: "InvalidAddress", cause: new Error("empty destination address") })
            : undefined
    /** Sends at once; without a callback Node discards the result and saves a turn of its queue. */
    const sendNow = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined, done?: (cause: Error | null) => void) => {
      if (to === undefined) socket.send(bytes, done)
      else socket.send(bytes, to.port, hasBothFamilies ? mapped(to.address) : to.address, done)
    }
    const send: UdpSocket["send"] = (bytes, to) =>
      Effect.callback((resume) => {
        const failure = destinationError(to)
        if (failure !== undefined) return resume(Effect.fail(failure))
        const fail = (cause: unknown) =>
          resume(Effect.fail(networkError(cause, to === undefined ? remote : destination(to))))
        try {
          sendNow(bytes, to, (cause) => (cause === null ? resume(Effect.void) : fail(cause)))
        } catch (cause) {
          fail(cause)
        }
      })
    const sendUnsafe: UdpSocket["sendUnsafe"] = (bytes, to) => {
      if (destinationError(to) !== undefined) return
      try {
        sendNow(bytes, to)
      } catch {
        // A bad destination loses the datagram, as the network would.
      }
    }
    const tryMembership = (change: () => void) =>
      Effect.try({ try: change, catch: (cause) => networkError(cause, inetAddress(bound.address, bound.port)) })
    const join: UdpSocket["join"] = (group, networkInterface) => {
      const through = networkInterface && interfaceName(family === "IPv4" ? "udp4" : "udp6", networkInterface)
      return Effect.acquireRelease(
        tryMembership(() => socket.addMembership(group, through)),
        () => Effect.ignore(tryMembership(() => socket.dropMembership(group, through)))
      )
    }
    return {
      local: inetAddress(bound.address, bound.port),
      send,
      sendUnsafe,
      join,
      receiveBuffer: socket.getRecvBufferSize(),
      dropped: Effect.sync(() => readDrops(socket, family))
    }
  })
