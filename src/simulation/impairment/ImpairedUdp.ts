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
import type { Judge } from "./DelayQueue.ts"

/** An address without its zone; one of IPv4 that an IPv6 socket shows as its own kind is written as IPv4. */
const plain = (address: string) =>
  address.includes(":") ? Endpoint.withoutZone(address).replace(/^::ffff:(?=[\d.]+$)/i, "") : address

/** How long what a closed socket has sent may still be on its way, in nanoseconds. */
const afterlife = 1_000_000_000
const maxClosed = 1_024

/** Which datagrams come from our own sockets: those have met the plan when they were sent. */
const makeOwn = (interfaces: ReadonlyArray<Interface>, now: () => number) => {
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
        socket.until = now() + afterlife
        if (sockets.size <= maxClosed) return
        for (const [key, { open, until }] of sockets) if (open === 0 && until <= now()) sockets.delete(key)
      }
    },
    has: ({ address, port }: Endpoint.Endpoint) => {
      const bare = plain(address)
      return has(bare, port) || (has("*", port) && (Endpoint.isLoopback(bare) || addresses.has(bare)))
    }
  }
}

/** The address a socket bound to all of them speaks from, as far as can be told. */
const nearest = (interfaces: ReadonlyArray<Interface>, far: string): string | undefined => {
  const bare = plain(far)
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
interface Way {
  readonly put: (bytes: Uint8Array) => void
  readonly giveUp: () => void
}

/** The same bytes, whose `slice` is a copy: that of a Node.js Buffer is not. */
const view = (bytes: Uint8Array) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** What of a datagram goes at once. */
interface Begun {
  readonly now: ReadonlyArray<Uint8Array>
  readonly overtaken: ReadonlyArray<FaultVerdict.Held>
}

const nothing: Begun = { now: [], overtaken: [] }

const release = (overtaken: ReadonlyArray<FaultVerdict.Held>) => {
  for (const one of overtaken) one.release()
}

/** Wraps what opens datagram sockets. */
export const make = (network: Network["Service"], interfaces: ReadonlyArray<Interface>, judge: Judge) => {
  const { decide, tell, timer } = judge
  const own = makeOwn(interfaces, timer.now)

  /** Plans what comes later, with bytes of its own; gives what is to be put on its way at once. */
  const part = (packet: Packet, verdict: FaultVerdict.Datagrams, { giveUp, put }: Way): ReadonlyArray<Uint8Array> => {
    const copies = verdict.copies.map(({ bytes, delay }) => ({ bytes: bytes.slice(), delay }))
    const later = (bytes: Uint8Array, delay: number) => {
      if (delay === 0) return put(bytes)
      if (!timer.at(timer.now() + delay, bytes.length, () => put(bytes))) giveUp()
    }
    const { held } = verdict
    if (held === undefined) {
      for (const { bytes, delay } of copies) if (delay > 0) later(bytes, delay)
      return copies.filter(({ delay }) => delay === 0).map(({ bytes }) => bytes)
    }
    held.wait(() => {
      for (const { bytes, delay } of copies) later(bytes, delay)
    })
    if (!timer.at(timer.now() + held.within, packet.bytes.length, held.release)) held.release()
    return []
  }
  return Effect.fnUntraced(function* (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
    let address: string | undefined
    let port = 0
    let wild = false
    let closed = false
    let usable: string | undefined
    const here = (far: Endpoint.Endpoint): Endpoint.Endpoint => ({
      address: (wild ? nearest(interfaces, far.address) : undefined) ?? address!,
      port
    })
    /** What comes in was on the wire before the plan has a say: it is told as it came, with what becomes of it. */
    const heard = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (address === undefined || own.has(from)) return onDatagram(bytes, from)
      const packet: Packet = { transport: "udp", kind: "datagram", from, to: here(from), bytes: view(bytes) }
      const verdict = decide(packet)
      if (verdict._tag === "Drop") return tell(packet, verdict.note, true)
      if (verdict._tag !== "Datagrams") {
        tell(packet)
        return onDatagram(bytes, from)
      }
      tell(packet, verdict.note)
      const put = (bytes: Uint8Array) => {
        if (!closed) onDatagram(bytes, from)
      }
      for (const bytes of part(packet, verdict, { put, giveUp: () => {} })) put(bytes)
      release(verdict.overtaken)
    }
    const inner = yield* network.udp(options, heard, onError)
    const { local } = inner
    address = NetAddress.formatIp(local.address)
    port = local.port
    wild = NetAddress.isUnspecified(local.address)
    yield* Effect.acquireRelease(
      Effect.sync(() => own.add(wild ? "*" : plain(address!), port)),
      (remove) =>
        Effect.sync(() => {
          closed = true
          remove()
        })
    )

    /** Undefined for what is not sent at all: the socket itself says why. */
    const sent = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined): Packet | undefined => {
      const far = to ?? options.remote
      if (closed || far === undefined || (to !== undefined && options.remote !== undefined)) return undefined
      if (usable !== far.address) {
        if (FaultPlan.literal(plain(far.address)) === undefined) return undefined
        usable = far.address
      }
      if (
        !Number.isInteger(far.port) ||
        far.port < 1 ||
        far.port > 65_535 ||
        bytes.length > Endpoint.maxDatagramBytes(far.address)
      )
        return undefined
      return { transport: "udp", kind: "datagram", from: here(far), to: far, bytes: view(bytes) }
    }
    /** What of a datagram is to be sent at once, and what that overtakes; the rest goes at its time. */
    const begin = (packet: Packet, to: Endpoint.Endpoint | undefined): Begun => {
      const verdict = decide(packet)
      if (verdict._tag === "Drop") {
        tell(packet, verdict.note, true)
        return nothing
      }
      if (verdict._tag !== "Datagrams") {
        tell(packet)
        return { now: [packet.bytes], overtaken: [] }
      }
      const { note, overtaken } = verdict
      // Told before it is sent, for nothing may come back before that; if its socket is closed by now, it is lost.
      const goes = (bytes: Uint8Array) => tell({ ...packet, bytes }, note, closed)
      const put = (bytes: Uint8Array) => {
        goes(bytes)
        inner.sendUnsafe(bytes, to)
      }
      const now = part(packet, verdict, { put, giveUp: () => tell(packet, "too many wait", true) })
      for (const bytes of now) goes(bytes)
      return { now, overtaken }
    }
    return {
      local,
      send: (bytes, to) =>
        Effect.suspend(() => {
          const packet = sent(bytes, to)
          if (packet === undefined) return inner.send(bytes, to)
          const { now, overtaken } = begin(packet, to)
          if (now.length === 1 && overtaken.length === 0) return inner.send(now[0]!, to)
          return Effect.ensuring(
            Effect.forEach(now, (bytes) => inner.send(bytes, to), { discard: true }),
            Effect.sync(() => release(overtaken))
          )
        }),
      sendUnsafe: (bytes, to) => {
        const packet = sent(bytes, to)
        if (packet === undefined) return inner.sendUnsafe(bytes, to)
        const { now, overtaken } = begin(packet, to)
        for (const bytes of now) inner.sendUnsafe(bytes, to)
        release(overtaken)
      },
      join: (group, networkInterface) => inner.join(group, networkInterface),
      receiveBuffer: inner.receiveBuffer,
      dropped: inner.dropped
    }
  })
}
