/** UDP sockets to which a fault plan applies, outbound and inbound. */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Interface, Network, NetworkError, UdpOptions, UdpSocket } from "../../network/Network.ts"
import * as LocalAddress from "../../network/names/LocalAddress.ts"
import type { Packet } from "../../network/Packet.ts"
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
    const socket = sockets.get(Endpoint.format({ address, port }))
    return socket !== undefined && (socket.open > 0 || now() < socket.until)
  }
  return {
    add: (address: string, port: number) => {
      const key = Endpoint.format({ address, port })
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

/** Returns a view whose `slice` copies; `slice` of a Node.js Buffer does not. */
const uint8View = (bytes: Uint8Array) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const release = (overtaken: ReadonlyArray<FaultVerdict.HeldDatagram>) => {
  for (const one of overtaken) one.release()
}

/** Schedules the delayed copies, with their own bytes; returns the copies to deliver at once. */
const scheduleCopies = (
  { delayQueue }: FaultInjector,
  { bytes }: Packet,
  { copies, held }: FaultVerdict.Datagrams,
  deliver: (bytes: Uint8Array) => void,
  discard: () => void
): ReadonlyArray<Uint8Array> => {
  const own = copies.map(({ bytes, delayNanos }) => ({ bytes: bytes.slice(), delayNanos }))
  const later = (one: (typeof own)[number]) => {
    if (one.delayNanos === 0) return deliver(one.bytes)
    const isQueued = delayQueue.schedule(delayQueue.now() + one.delayNanos, one.bytes.length, () => deliver(one.bytes))
    if (!isQueued) discard()
  }
  if (held === undefined) {
    for (const one of own) if (one.delayNanos > 0) later(one)
    return own.filter(({ delayNanos }) => delayNanos === 0).map(({ bytes }) => bytes)
  }
  held.onRelease(() => {
    for (const one of own) later(one)
  })
  if (!delayQueue.schedule(delayQueue.now() + held.maxHoldNanos, bytes.length, held.release)) held.release()
  return []
}

/** Receives a datagram. It was on the wire before the plan applied, so it is reported unchanged, with the fault. */
const receive = (injector: FaultInjector, packet: Packet, deliver: (bytes: Uint8Array) => void) => {
  const { decide, overflowed, report } = injector
  const verdict = decide("inbound", packet)
  if (verdict._tag === "Drop") return report(packet, verdict.note, true)
  if (verdict._tag !== "Datagrams") {
    report(packet)
    return deliver(packet.bytes)
  }
  report(packet, verdict.note)
  for (const bytes of scheduleCopies(injector, packet, verdict, deliver, overflowed)) deliver(bytes)
  release(verdict.overtaken)
}

/** Datagrams to send at once, and the held datagrams they overtake. */
interface ImmediateSend {
  readonly immediate: ReadonlyArray<Uint8Array>
  readonly overtaken: ReadonlyArray<FaultVerdict.HeldDatagram>
}

/** Applies the plan to a datagram; returns what is sent at once, and schedules the rest. */
const applyFaults = (
  injector: FaultInjector,
  packet: Packet,
  isClosed: () => boolean,
  send: (bytes: Uint8Array) => void
): ImmediateSend => {
  const { decide, overflowed, report } = injector
  const verdict = decide("outbound", packet)
  if (verdict._tag === "Drop") {
    report(packet, verdict.note, true)
    return { immediate: [], overtaken: [] }
  }
  if (verdict._tag !== "Datagrams") {
    report(packet)
    return { immediate: [packet.bytes], overtaken: [] }
  }
  const { note, overtaken } = verdict
  // Reported before it is sent, so that no answer precedes it; lost if the socket is closed by then.
  const reportSent = (bytes: Uint8Array) => report({ ...packet, bytes }, note, isClosed())
  const put = (bytes: Uint8Array) => {
    reportSent(bytes)
    send(bytes)
  }
  const discard = () => {
    overflowed()
    report(packet, "delay queue full", true)
  }
  const immediate = scheduleCopies(injector, packet, verdict, put, discard)
  for (const bytes of immediate) reportSent(bytes)
  return { immediate, overtaken }
}

/** Returns a function that tests destinations; the last valid address is not tested again. */
const destinationTest = () => {
  let lastValidAddress: string | undefined
  return ({ address, port }: Endpoint.Endpoint, length: number) => {
    if (lastValidAddress !== address) {
      if (Endpoint.toIp(address) === undefined) return false
      lastValidAddress = address
    }
    return Number.isInteger(port) && port >= 1 && port <= 65_535 && length <= Endpoint.maxDatagramBytes(address)
  }
}

/** Wraps the function that opens UDP sockets. */
export const make = (network: Network["Service"], interfaces: ReadonlyArray<Interface>, injector: FaultInjector) => {
  const localSockets = makeLocalSockets(interfaces, injector.delayQueue.now)
  const localEndpointOf = LocalAddress.make(interfaces)
  const isValid = destinationTest()
  const packetOf = (from: Endpoint.Endpoint, to: Endpoint.Endpoint, bytes: Uint8Array): Packet => ({
    transport: "udp",
    kind: "datagram",
    from,
    to,
    bytes: uint8View(bytes)
  })
  return Effect.fnUntraced(function* (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
    let closed = false
    let localEndpoint: ReturnType<typeof localEndpointOf> | undefined
    const onReceived = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (localEndpoint === undefined || localSockets.has(from)) return onDatagram(bytes, from)
      receive(injector, packetOf(from, localEndpoint(from), bytes), (bytes) => {
        if (!closed) onDatagram(bytes, from)
      })
    }
    const inner = yield* network.udp(options, onReceived, onError)
    const { local } = inner
    const endpointTowards = localEndpointOf(local)
    localEndpoint = endpointTowards
    const name = NetAddress.isUnspecified(local.address) ? "*" : unmapped(NetAddress.formatIp(local.address))
    yield* Effect.acquireRelease(
      Effect.sync(() => localSockets.add(name, local.port)),
      (remove) =>
        Effect.sync(() => {
          closed = true
          remove()
        })
    )
    /** Returns what to send at once; undefined if the socket cannot send the datagram, and reports the error itself. */
    const impair = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined): ImmediateSend | undefined => {
      const far = to ?? options.remote
      if (closed || far === undefined || (to !== undefined && options.remote !== undefined)) return undefined
      if (!isValid(far, bytes.length)) return undefined
      const packet = packetOf(endpointTowards(far), far, bytes)
      return applyFaults(
        injector,
        packet,
        () => closed,
        (bytes) => inner.sendUnsafe(bytes, to)
      )
    }
    return {
      local,
      send: (bytes, to) =>
        Effect.suspend(() => {
          const { immediate, overtaken } = impair(bytes, to) ?? { immediate: [bytes], overtaken: [] }
          if (immediate.length === 1 && overtaken.length === 0) return inner.send(immediate[0]!, to)
          return Effect.ensuring(
            Effect.forEach(immediate, (bytes) => inner.send(bytes, to), { discard: true }),
            Effect.sync(() => release(overtaken))
          )
        }),
      sendUnsafe: (bytes, to) => {
        const { immediate, overtaken } = impair(bytes, to) ?? { immediate: [bytes], overtaken: [] }
        for (const bytes of immediate) inner.sendUnsafe(bytes, to)
        release(overtaken)
      },
      join: (group, networkInterface) => inner.join(group, networkInterface),
      receiveBuffer: inner.receiveBuffer,
      dropped: inner.dropped
    }
  })
}
