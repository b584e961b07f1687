/** The wire of a simulated network: who is where, how long a packet takes, and what becomes of it on its way. */

import * as Duration from "effect/Duration"
import type * as IpInterface from "effect/net/IpInterface"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import type { FaultEngine } from "../faults/FaultEngine.ts"
import * as FaultVerdict from "../faults/FaultVerdict.ts"
import type { SimClock } from "../runtime/SimClock.ts"

/** How a wire carries packets, each way. @category models @since 0.1.0 */
export interface LinkOptions {
  /** Time on the way: fixed, or evenly between two. Packets of one stream still arrive in order. Default 500 us. */
  readonly latency?: Duration.Input | readonly [least: Duration.Input, most: Duration.Input] | undefined
  /** Bytes a second; packets wait for those before them. Default: no limit. */
  readonly bandwidth?: number | undefined
  /** Bytes that may wait for the bandwidth; more are lost. Default 256 KiB. */
  readonly queue?: number | undefined
  /** The part of the datagrams that is lost, 0 to 1; of a stream's packets, the part that is sent again. Default 0. */
  readonly loss?: number | undefined
  /** Bytes of the largest packet, headers counted; larger datagrams are refused when sent. Default 65,535. */
  readonly mtu?: number | undefined
}

/** An address of a host, and the wire it is on. @category models @since 0.1.0 */
export interface SimInterface {
  readonly name: string
  readonly subnet: string
  readonly address: IpInterface.IpInterface
  /** As packets name it. */
  readonly literal: string
  readonly broadcast: string | undefined
}

/** A host, as the wire sees it. @category models @since 0.1.0 */
export interface Node {
  readonly index: number
  readonly name: string
  readonly interfaces: ReadonlyArray<SimInterface>
  /** A host that has crashed neither sends nor receives. */
  up: boolean
  /** Nothing happens on a paused host before this time. */
  pausedUntil: number
}

/**
 * A piece of a stream that comes: its bytes, and whether a fault ends the stream behind them.
 *
 * @category models
 * @since 0.1.0
 */
export type OnSegment = (bytes: Uint8Array, end: "fin" | "rst" | undefined) => void

interface LinkDirection {
  readonly minLatencyNanos: number
  readonly jitterNanos: number
  readonly nanosPerByte: number
  readonly queueBytes: number
  readonly loss: number
  readonly mtu: number
  /** When the bandwidth is free again, and when the last packet in order arrives. */
  busyUntil: number
}

const nanos = (input: Duration.Input) => Math.round(Duration.toMillis(input) * 1e6)

const linkDirectionFrom = ({ bandwidth, latency = "500 micros", loss = 0, mtu = 65_535, queue = 262_144 }: LinkOptions): LinkDirection => {
  const isRange = Array.isArray(latency) && latency.length === 2
  const [least, most] = (isRange ? latency : [latency, latency]) as readonly [Duration.Input, Duration.Input]
  const nanosPerByte = bandwidth === undefined ? 0 : 1e9 / bandwidth
  return { minLatencyNanos: nanos(least), jitterNanos: nanos(most) - nanos(least), nanosPerByte, queueBytes: queue, loss, mtu, busyUntil: 0 }
}

/** A wire, or several: hosts that share one hear each other's broadcasts. @category models @since 0.1.0 */
export interface SimLan {
  readonly clock: SimClock
  readonly random: () => number
  readonly nodes: ReadonlyArray<Node>
  readonly add: (name: string, interfaces: ReadonlyArray<SimInterface>) => Node
  /** Sets how packets go between two hosts, both ways. */
  readonly link: (one: string, other: string, options: LinkOptions) => void
  /** Who has an address, as seen from a host: its own and loopback first. */
  readonly nodeAt: (from: Node, address: string) => Node | undefined
  /** Through which of its addresses a host reaches another one; undefined where there is no way. */
  readonly route: (from: Node, address: string) => SimInterface | "loopback" | undefined
  /** All hosts on a wire. */
  readonly nodesOn: (subnet: string) => ReadonlyArray<Node>
  readonly mtu: (from: Node, to: Node) => number
  /** How many packets were sent. */
  readonly packets: () => number
  /** Sends a datagram; `arrive` is called for every copy that gets there, with bytes of its own. */
  readonly datagram: (packet: Packet.Packet, from: Node, to: Node, arrive: (bytes: Uint8Array) => void) => void
  /** Sends a piece of a stream, which arrives not before its predecessor did; gives the time, which may be infinity. */
  readonly segment: (packet: Packet.Packet, from: Node, to: Node, notBefore: number, arrive: OnSegment) => number
}

/** What a LAN is made of. @category models @since 0.1.0 */
export interface Options {
  readonly clock: SimClock
  /** Numbers from 0 to 1, the same for the same seed. */
  readonly random: () => number
  readonly link?: LinkOptions | undefined
  readonly faults?: FaultEngine | undefined
  readonly tap?: Packet.Tap | undefined
}

/** Headers of IPv4 or IPv6 and UDP. */
const headerBytes = (address: string) => (address.includes(":") ? 48 : 28)

/** How long a stream waits before it sends a lost piece again. */
const retransmissionTimeoutNanos = 200_000_000

/** @category constructors @since 0.1.0 */
export const make = ({ clock, faults, link = {}, random, tap }: Options): SimLan => {
  const nodes: Array<Node> = []
  const byAddress = new Map<string, Node>()
  const linkOptions = new Map<string, LinkOptions>()
  const directions = new Map<number, LinkDirection>()

  const directionOf = (from: Node, to: Node): LinkDirection => {
    const key = from.index * 65_536 + to.index
    let found = directions.get(key)
    if (found === undefined) {
      const options = from === to ? { latency: 0 } : (linkOptions.get(`${from.name}>${to.name}`) ?? link)
      found = linkDirectionFrom(options)
      directions.set(key, found)
    }
    return found
  }
  let packets = 0
  const observe = (packet: Packet.Packet, from: Node, fault: string | undefined, arrives: number | undefined) => {
    packets++
    tap?.({
      ...packet,
      at: BigInt(clock.now()),
      host: from.name,
      ...(fault === undefined ? {} : { fault }),
      ...(arrives === undefined ? { lost: true } : { arrives: BigInt(arrives) })
    })
  }

  /** When a packet is through, or undefined when it finds the queue full. */
  const arrivalTime = (direction: LinkDirection, size: number): number | undefined => {
    const now = clock.now()
    const start = Math.max(now, direction.busyUntil)
    if (direction.nanosPerByte > 0) {
      if ((start - now) / direction.nanosPerByte > direction.queueBytes) return undefined
      direction.busyUntil = start + size * direction.nanosPerByte
    }
    return Math.round(start + size * direction.nanosPerByte + direction.minLatencyNanos + (direction.jitterNanos === 0 ? 0 : random() * direction.jitterNanos))
  }

  const canonicalAddress = (address: string) => {
    if (byAddress.has(address)) return address
    const parsed = NetAddress.ipFromString(Endpoint.withoutZone(address))
    return Result.isSuccess(parsed) ? NetAddress.formatIp(NetAddress.toCanonical(parsed.success)) : address
  }

  return {
    clock,
    random,
    nodes,
    add: (name, interfaces) => {
      const node: Node = { index: nodes.length, name, interfaces, up: true, pausedUntil: 0 }
      nodes.push(node)
      for (const { literal } of interfaces) byAddress.set(literal, node)
      return node
    },
    link: (one, other, options) => {
      linkOptions.set(`${one}>${other}`, options)
      linkOptions.set(`${other}>${one}`, options)
      directions.clear()
    },
    nodeAt: (from, address) => {
      const target = canonicalAddress(address)
      return Endpoint.isLoopback(target) ? from : byAddress.get(target)
    },
    route: (from, address) => {
      const canonical = canonicalAddress(address)
      if (Endpoint.isLoopback(canonical) || byAddress.get(canonical) === from) return "loopback"
      const target = NetAddress.ipFromString(canonical)
      if (Result.isFailure(target)) return undefined
      return from.interfaces.find((one) => IpNetwork.contains(IpNetwork.fromInterface(one.address), target.success))
    },
    nodesOn: (subnet) => nodes.filter((node) => node.interfaces.some((one) => one.subnet === subnet)),
    mtu: (from, to) => directionOf(from, to).mtu,
    packets: () => packets,
    datagram: (packet, from, to, arrive) => {
      if (!from.up) return
      const direction = directionOf(from, to)
      const verdict = faults?.decide(packet, clock.now(), from.name, to.name) ?? FaultVerdict.deliver
      const time = arrivalTime(direction, packet.bytes.length + headerBytes(packet.to.address))
      const isLost = time === undefined || (direction.loss > 0 && random() < direction.loss)
      if (isLost) return observe(packet, from, "lost", undefined)
      if (verdict._tag === "Drop") return observe(packet, from, verdict.note, undefined)
      const deliver = (bytes: Uint8Array, delay: number, note: string | undefined) => {
        observe(bytes === packet.bytes ? packet : { ...packet, bytes }, from, note, time + delay)
        // The sender may use its bytes again.
        const copy = new Uint8Array(bytes)
        clock.schedule(time + delay, () => arrive(copy))
      }
      if (verdict._tag !== "Datagrams") return deliver(packet.bytes, 0, undefined)
      const { copies, held, note, overtaken } = verdict
      const deliverAll = (since: number) => {
        for (const copy of copies) deliver(copy.bytes, copy.delayNanos + since, note)
      }
      if (held === undefined) deliverAll(0)
      else {
        const now = clock.now()
        const copied = copies.map(({ bytes, delayNanos }) => ({ bytes: new Uint8Array(bytes), delay: delayNanos }))
        held.onRelease(() => {
          for (const copy of copied) deliver(copy.bytes, copy.delay + clock.now() - now, note)
        })
        clock.schedule(now + held.maxHoldNanos, held.release)
      }
      for (const one of overtaken) one.release()
    },
    segment: (packet, from, to, notBefore, arrive) => {
      if (!from.up) return notBefore
      const now = clock.now()
      const direction = directionOf(from, to)
      const verdict = faults?.decide(packet, now, from.name, to.name) ?? FaultVerdict.deliver
      let time = Math.max(arrivalTime(direction, packet.bytes.length + headerBytes(packet.to.address) + 12) ?? direction.busyUntil, notBefore)
      for (let wait = retransmissionTimeoutNanos; direction.loss > 0 && random() < direction.loss; wait *= 2) time += wait
      if (verdict._tag === "Drop") {
        observe(packet, from, verdict.note, undefined)
        return Number.POSITIVE_INFINITY
      }
      if (verdict._tag !== "Stream") {
        observe(packet, from, undefined, time)
        if (time < Number.POSITIVE_INFINITY) clock.schedule(time, () => arrive(packet.bytes, undefined))
        return time
      }
      const { chunkBytes, delayNanos, end, note, stallNanos } = verdict
      time = Math.max(time + delayNanos, now + stallNanos)
      observe(packet, from, note, time === Number.POSITIVE_INFINITY ? undefined : time)
      if (time === Number.POSITIVE_INFINITY) return time
      const bytes = end === undefined ? packet.bytes : packet.bytes.subarray(0, end.afterBytes)
      const size = chunkBytes ?? Math.max(1, bytes.length)
      for (let from = 0; from < bytes.length || from === 0; from += size) {
        const piece = bytes.subarray(from, from + size)
        const last = from + size >= bytes.length ? end?.kind : undefined
        clock.schedule(time, () => arrive(piece, last))
        // Each comes by itself: else a reader would find them together.
        if (from + size < bytes.length) time += 1_000
      }
      return time
    }
  }
}
