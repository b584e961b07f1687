/** Datagram sockets whose datagrams meet a fault plan, on their way out and on their way in. */

import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Interface, Network, NetworkError, UdpOptions, UdpSocket } from "../../network/Network.ts"
import type { Packet } from "../../network/Packet.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"
import type * as FaultVerdict from "../faults/FaultVerdict.ts"
import type { FaultInjector } from "./DelayQueue.ts"

/** An address without its zone; one of IPv4 that an IPv6 socket shows as its own kind is written as IPv4. */
const unmapped = (address: string) =>
  address.includes(":") ? Endpoint.withoutZone(address).replace(/^::ffff:(?=[\d.]+$)/i, "") : address

/** How long what a closed socket has sent may still be on its way, in nanoseconds. */
const closedSocketGraceNanos = 1_000_000_000
const maxClosedSockets = 1_024

/** Which datagrams come from our own sockets: those have met the plan when they were sent. */
const makeLocalSockets = (interfaces: ReadonlyArray<Interface>, now: () => number) => {
  const addresses = new Set(interfaces.map(({ address }) => NetAddress.formatIp(address.address)))
  const sockets = new Map<string, { open: number; until: number }>()
  const has = (address: string, port: number) => {
    const socket = sockets.get(`${address} ${port}`)
    return socket !== undefined && (socket.open > 0 || now() < socket.until)
  }
  return {
    add: (address: string, port: number) => {
      const key = `${address} ${port}`
      const socket = sockets.get(key) ?? { open: 0, until: 0 }
      socket.open++
      sockets.set(key, socket)
      return () => {
        socket.open--
        socket.until = now() + closedSocketGraceNanos
        if (sockets.size <= maxClosedSockets) return
        for (const [key, { open, until }] of sockets) if (open === 0 && until <= now()) sockets.delete(key)
      }
    },
    has: ({ address, port }: Endpoint.Endpoint) => {
      const bare = unmapped(address)
      return has(bare, port) || (has("*", port) && (Endpoint.isLoopback(bare) || addresses.has(bare)))
    }
  }
}

/** The address a socket bound to all of them speaks from, as far as can be told. */
const sourceAddressFor = (interfaces: ReadonlyArray<Interface>, far: string): string | undefined => {
  const bare = unmapped(far)
  if (Endpoint.isLoopback(bare)) return bare.startsWith("127.") ? "127.0.0.1" : "::1"
  const address = Result.getOrUndefined(NetAddress.ipFromString(bare))
  if (address === undefined) return undefined
  const ours = interfaces.filter((one) => NetAddress.familyOf(one.address.address) === NetAddress.familyOf(address))
  const near =
    ours.find((one) => IpNetwork.contains(IpNetwork.fromInterface(one.address), address)) ??
    ours.find(({ loopback }) => !loopback)
  return near && NetAddress.formatIp(near.address.address)
}

/** Who carries datagrams one way: puts them there, and is told of those that had to be given up. */
interface Delivery {
  readonly deliver: (bytes: Uint8Array) => void
  readonly discard: () => void
}

/** The same bytes, whose `slice` is a copy: that of a Node.js Buffer is not. */
const uint8View = (bytes: Uint8Array) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** What of a datagram goes at once. */
interface ImmediateSend {
  readonly immediate: ReadonlyArray<Uint8Array>
  readonly overtaken: ReadonlyArray<FaultVerdict.HeldDatagram>
}

const nothingToSend: ImmediateSend = { immediate: [], overtaken: [] }

const release = (overtaken: ReadonlyArray<FaultVerdict.HeldDatagram>) => {
  for (const one of overtaken) one.release()
}

/** Wraps what opens datagram sockets. */
export const make = (network: Network["Service"], interfaces: ReadonlyArray<Interface>, injector: FaultInjector) => {
  const { decide, report, delayQueue } = injector
  const localSockets = makeLocalSockets(interfaces, delayQueue.now)

  /** Plans what comes later, with bytes of its own; gives what is to be put on its way at once. */
  const scheduleCopies = (packet: Packet, verdict: FaultVerdict.Datagrams, { discard, deliver }: Delivery): ReadonlyArray<Uint8Array> => {
    const copies = verdict.copies.map(({ bytes, delayNanos }) => ({ bytes: bytes.slice(), delay: delayNanos }))
    const later = (bytes: Uint8Array, delay: number) => {
      if (delay === 0) return deliver(bytes)
      if (!delayQueue.schedule(delayQueue.now() + delay, bytes.length, () => deliver(bytes))) discard()
    }
    const { held } = verdict
    if (held === undefined) {
      for (const { bytes, delay } of copies) if (delay > 0) later(bytes, delay)
      return copies.filter(({ delay }) => delay === 0).map(({ bytes }) => bytes)
    }
    held.onRelease(() => {
      for (const { bytes, delay } of copies) later(bytes, delay)
    })
    if (!delayQueue.schedule(delayQueue.now() + held.maxHoldNanos, packet.bytes.length, held.release)) held.release()
    return []
  }
  return Effect.fnUntraced(function* (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
    let address: string | undefined
    let port = 0
    let isWildcard = false
    let closed = false
    let lastValidAddress: string | undefined
    const localEndpointFor = (far: Endpoint.Endpoint): Endpoint.Endpoint => ({
      address: (isWildcard ? sourceAddressFor(interfaces, far.address) : undefined) ?? address!,
      port
    })
    /** What comes in was on the wire before the plan has a say: it is told as it came, with what becomes of it. */
    const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (address === undefined || localSockets.has(from)) return onDatagram(bytes, from)
      const packet: Packet = { transport: "udp", kind: "datagram", from, to: localEndpointFor(from), bytes: uint8View(bytes) }
      const verdict = decide(packet)
      if (verdict._tag === "Drop") return report(packet, verdict.note, true)
      if (verdict._tag !== "Datagrams") {
        report(packet)
        return onDatagram(bytes, from)
      }
      report(packet, verdict.note)
      const put = (bytes: Uint8Array) => {
        if (!closed) onDatagram(bytes, from)
      }
      for (const bytes of scheduleCopies(packet, verdict, { deliver: put, discard: () => {} })) put(bytes)
      release(verdict.overtaken)
    }
    const inner = yield* network.udp(options, receive, onError)
    const { local } = inner
    address = NetAddress.formatIp(local.address)
    port = local.port
    isWildcard = NetAddress.isUnspecified(local.address)
    yield* Effect.acquireRelease(
      Effect.sync(() => localSockets.add(isWildcard ? "*" : unmapped(address!), port)),
      (remove) =>
        Effect.sync(() => {
          closed = true
          remove()
        })
    )

    /** Undefined for what is not sent at all: the socket itself says why. */
    const packetFor = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined): Packet | undefined => {
      const far = to ?? options.remote
      if (closed || far === undefined || (to !== undefined && options.remote !== undefined)) return undefined
      if (lastValidAddress !== far.address) {
        if (FaultPlan.canonicalIp(unmapped(far.address)) === undefined) return undefined
        lastValidAddress = far.address
      }
      if (
        !Number.isInteger(far.port) ||
        far.port < 1 ||
        far.port > 65_535 ||
        bytes.length > Endpoint.maxDatagramBytes(far.address)
      )
        return undefined
      return { transport: "udp", kind: "datagram", from: localEndpointFor(far), to: far, bytes: uint8View(bytes) }
    }
    /** What of a datagram is to be sent at once, and what that overtakes; the rest goes at its time. */
    const applyFaults = (packet: Packet, to: Endpoint.Endpoint | undefined): ImmediateSend => {
      const verdict = decide(packet)
      if (verdict._tag === "Drop") {
        report(packet, verdict.note, true)
        return nothingToSend
      }
      if (verdict._tag !== "Datagrams") {
        report(packet)
        return { immediate: [packet.bytes], overtaken: [] }
      }
      const { note, overtaken } = verdict
      // Told before it is sent, for nothing may come back before that; if its socket is closed by now, it is lost.
      const reportSent = (bytes: Uint8Array) => report({ ...packet, bytes }, note, closed)
      const put = (bytes: Uint8Array) => {
        reportSent(bytes)
        inner.sendUnsafe(bytes, to)
      }
      const now = scheduleCopies(packet, verdict, { deliver: put, discard: () => report(packet, "too many wait", true) })
      for (const bytes of now) reportSent(bytes)
      return { immediate: now, overtaken }
    }
    return {
      local,
      send: (bytes, to) =>
        Effect.suspend(() => {
          const packet = packetFor(bytes, to)
          if (packet === undefined) return inner.send(bytes, to)
          const { immediate, overtaken } = applyFaults(packet, to)
          if (immediate.length === 1 && overtaken.length === 0) return inner.send(immediate[0]!, to)
          return Effect.ensuring(
            Effect.forEach(immediate, (bytes) => inner.send(bytes, to), { discard: true }),
            Effect.sync(() => release(overtaken))
          )
        }),
      sendUnsafe: (bytes, to) => {
        const packet = packetFor(bytes, to)
        if (packet === undefined) return inner.sendUnsafe(bytes, to)
        const { immediate, overtaken } = applyFaults(packet, to)
        for (const bytes of immediate) inner.sendUnsafe(bytes, to)
        release(overtaken)
      },
      join: (group, networkInterface) => inner.join(group, networkInterface),
      receiveBuffer: inner.receiveBuffer,
      dropped: inner.dropped
    }
  })
}
