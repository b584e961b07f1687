/** UDP sockets to which a fault plan applies, outbound and inbound. */

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

/** Removes the zone of an address, and converts an IPv4-mapped IPv6 address to IPv4. */
const unmapped = (address: string) =>
  address.includes(":") ? Endpoint.withoutZone(address).replace(/^::ffff:(?=[\d.]+$)/i, "") : address

/** Time for which datagrams of a closed socket may still be on their way. */
const closedSocketGraceNanos = 1_000_000_000
const maxClosedSockets = 1_024

/** Creates a registry of local sockets; the plan has already been applied to their datagrams when they were sent. */
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

/** Returns the source address of a socket bound to the wildcard, as far as it is known. */
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

/** Delivers datagrams in one direction, and handles those that were discarded. */
interface Delivery {
  readonly deliver: (bytes: Uint8Array) => void
  readonly discard: () => void
}

/** Returns a view whose `slice` copies; `slice` of a Node.js Buffer does not. */
const uint8View = (bytes: Uint8Array) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Datagrams to send at once, and the held datagrams they overtake. */
interface ImmediateSend {
  readonly immediate: ReadonlyArray<Uint8Array>
  readonly overtaken: ReadonlyArray<FaultVerdict.HeldDatagram>
}

const nothingToSend: ImmediateSend = { immediate: [], overtaken: [] }

const release = (overtaken: ReadonlyArray<FaultVerdict.HeldDatagram>) => {
  for (const one of overtaken) one.release()
}

/** Wraps the function that opens UDP sockets. */
export const make = (network: Network["Service"], interfaces: ReadonlyArray<Interface>, injector: FaultInjector) => {
  const { decide, report, delayQueue } = injector
  const localSockets = makeLocalSockets(interfaces, delayQueue.now)

  /** Schedules the delayed copies, with their own bytes; returns the copies to send at once. */
  const scheduleCopies = (
    packet: Packet,
    verdict: FaultVerdict.Datagrams,
    { discard, deliver }: Delivery
  ): ReadonlyArray<Uint8Array> => {
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
    /** Receives a datagram. It was on the wire before the plan applied, so it is reported unchanged, with the fault. */
    const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (address === undefined || localSockets.has(from)) return onDatagram(bytes, from)
      const packet: Packet = {
        transport: "udp",
        kind: "datagram",
        from,
        to: localEndpointFor(from),
        bytes: uint8View(bytes)
      }
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

    /** Returns the packet of a datagram; undefined if the socket cannot send it and reports the error itself. */
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
    /** Applies the plan to a datagram; returns what is sent at once, and schedules the rest. */
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
      // Reported before it is sent, so that no answer precedes it; lost if the socket is closed by then.
      const reportSent = (bytes: Uint8Array) => report({ ...packet, bytes }, note, closed)
      const put = (bytes: Uint8Array) => {
        reportSent(bytes)
        inner.sendUnsafe(bytes, to)
      }
      const now = scheduleCopies(packet, verdict, {
        deliver: put,
        discard: () => report(packet, "delay queue full", true)
      })
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
