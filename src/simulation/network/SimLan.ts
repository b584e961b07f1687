/** The links of a simulated network: addresses, latency, bandwidth, loss, and the verdicts of the fault plan. */

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

/** Properties of a link, each direction. @category models @since 0.1.0 */
export interface LinkOptions {
  /**
   * Latency: fixed, or drawn uniformly between two durations. Segments of one stream still arrive in order. Default 500
   * us.
   */
  readonly latency?: Duration.Input | readonly [min: Duration.Input, max: Duration.Input] | undefined
  /** Bytes per second; packets queue behind earlier ones. Default: no limit. */
  readonly bandwidth?: number | undefined
  /** Maximum number of bytes queued for the bandwidth; further packets are lost. Default 256 KiB. */
  readonly queue?: number | undefined
  /** Probability, 0 to 1, of losing a datagram, or of retransmitting a segment. Default 0. */
  readonly loss?: number | undefined
  /** Bytes of the largest packet, with headers; sending a larger datagram fails. Default 65,535. */
  readonly mtu?: number | undefined
}

/** A network interface of a host: an address and its subnet. @category models @since 0.1.0 */
export interface SimInterface {
  readonly name: string
  readonly subnet: string
  readonly address: IpInterface.IpInterface
  /** Address as packets carry it. */
  readonly literal: string
  readonly broadcast: string | undefined
}

/** A host as the LAN sees it. @category models @since 0.1.0 */
export interface Node {
  readonly index: number
  readonly name: string
  readonly interfaces: ReadonlyArray<SimInterface>
  /** False after a crash; the host then neither sends nor receives. */
  up: boolean
  /** Time until which the host is paused, in nanoseconds. */
  pausedUntil: number
}

/**
 * Receives a segment: its data, and the fault that ends the stream after them, if any.
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
  /** Time at which the bandwidth is free again. */
  busyUntil: number
}

const nanos = (input: Duration.Input) => Math.round(Duration.toMillis(input) * 1e6)

const linkDirectionFrom = ({
  bandwidth,
  latency = "500 micros",
  loss = 0,
  mtu = 65_535,
  queue = 262_144
}: LinkOptions): LinkDirection => {
  const isRange = Array.isArray(latency) && latency.length === 2
  const [min, max] = (isRange ? latency : [latency, latency]) as readonly [Duration.Input, Duration.Input]
  const nanosPerByte = bandwidth === undefined ? 0 : 1e9 / bandwidth
  return {
    minLatencyNanos: nanos(min),
    jitterNanos: nanos(max) - nanos(min),
    nanosPerByte,
    queueBytes: queue,
    loss,
    mtu,
    busyUntil: 0
  }
}

/** One or several LANs; hosts on the same subnet receive each other's broadcasts. @category models @since 0.1.0 */
export interface SimLan {
  readonly clock: SimClock
  readonly random: () => number
  readonly nodes: ReadonlyArray<Node>
  readonly add: (name: string, interfaces: ReadonlyArray<SimInterface>) => Node
  /** Sets the link between two hosts, both directions. */
  readonly link: (one: string, other: string, options: LinkOptions) => void
  /** Returns the host with an address; loopback addresses and its own resolve to `from`. */
  readonly nodeAt: (from: Node, address: string) => Node | undefined
  /** Returns the interface through which a host reaches an address; undefined without a route. */
  readonly route: (from: Node, address: string) => SimInterface | "loopback" | undefined
  /** Returns all hosts on a subnet. */
  readonly nodesOn: (subnet: string) => ReadonlyArray<Node>
  readonly mtu: (from: Node, to: Node) => number
  /** Returns the number of packets sent. */
  readonly packets: () => number
  /** Sends a datagram; `arrive` is called for each copy that is delivered, with its own bytes. */
  readonly datagram: (packet: Packet.Packet, from: Node, to: Node, arrive: (bytes: Uint8Array) => void) => void
  /**
   * Sends a segment that arrives no earlier than `notBefore`. Returns its time of arrival, Infinity if it never
   * arrives.
   */
  readonly segment: (packet: Packet.Packet, from: Node, to: Node, notBefore: number, arrive: OnSegment) => number
}

/** Parts of a LAN. @category models @since 0.1.0 */
export interface Options {
  readonly clock: SimClock
  /** Returns numbers in [0, 1); the same seed gives the same sequence. */
  readonly random: () => number
  readonly link?: LinkOptions | undefined
  readonly faults?: FaultEngine | undefined
  readonly tap?: Packet.Tap | undefined
}

/** Returns the bytes of the IPv4 or IPv6 header and the UDP header. */
const headerBytes = (address: string) => (address.includes(":") ? 48 : 28)

/** Initial retransmission timeout of a stream, doubled for each further loss of a segment. */
const retransmissionTimeoutNanos = 200_000_000

/** Creates a LAN without hosts. @category constructors @since 0.1.0 */
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

  /** Returns the time at which a packet arrives; undefined if the queue of the link is full. */
  const arrivalTime = (direction: LinkDirection, size: number): number | undefined => {
    const now = clock.now()
    const start = Math.max(now, direction.busyUntil)
    if (direction.nanosPerByte > 0) {
      if ((start - now) / direction.nanosPerByte > direction.queueBytes) return undefined
      direction.busyUntil = start + size * direction.nanosPerByte
    }
    return Math.round(
      start +
        size * direction.nanosPerByte +
        direction.minLatencyNanos +
        (direction.jitterNanos === 0 ? 0 : random() * direction.jitterNanos)
    )
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
    // The order of random draws is load-bearing for reproducibility: latency, then loss, both also for datagrams that
    // the plan drops. Any change of it changes all later draws of a seed, and with them every printed replay line.
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
        // The sender may reuse its buffer.
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
      let time = Math.max(
        arrivalTime(direction, packet.bytes.length + headerBytes(packet.to.address) + 12) ?? direction.busyUntil,
        notBefore
      )
      for (let wait = retransmissionTimeoutNanos; direction.loss > 0 && random() < direction.loss; wait *= 2)
        time += wait
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
        // Segments arrive at different times; otherwise the reader would receive their data together.
        if (from + size < bytes.length) time += 1_000
      }
      return time
    }
  }
}
