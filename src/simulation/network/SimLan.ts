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
  /** Runs an action of the host at once, or when it resumes from a pause. */
  readonly run: (action: () => void) => void
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

/** State of a LAN, besides the hosts. */
interface State extends Options {
  readonly linkDirections: ReturnType<typeof makeLinkDirections>
  packets: number
}

/** Creates the table of link directions, which are made from their options at their first packet. */
const makeLinkDirections = (defaults: LinkOptions = {}) => {
  const options = new Map<string, LinkOptions>()
  const directions = new Map<number, LinkDirection>()
  return {
    between: (from: Node, to: Node): LinkDirection => {
      const key = from.index * 65_536 + to.index
      let found = directions.get(key)
      if (found === undefined) {
        found = linkDirectionFrom(from === to ? { latency: 0 } : (options.get(`${from.name}>${to.name}`) ?? defaults))
        directions.set(key, found)
      }
      return found
    },
    set: (one: string, other: string, link: LinkOptions) => {
      options.set(`${one}>${other}`, link)
      options.set(`${other}>${one}`, link)
      directions.clear()
    }
  }
}

const observe = (
  lan: State,
  packet: Packet.Packet,
  from: Node,
  fault: string | undefined,
  arrives: number | undefined
) => {
  lan.packets++
  lan.tap?.({
    ...packet,
    at: BigInt(lan.clock.now()),
    host: from.name,
    ...(fault === undefined ? {} : { fault }),
    ...(arrives === undefined ? { lost: true } : { arrives: BigInt(arrives) })
  })
}

/** Returns the time at which a packet arrives; undefined if the queue of the link is full. */
const arrivalTime = ({ clock, random }: State, direction: LinkDirection, size: number): number | undefined => {
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

/**
 * Sends a datagram. The order of random draws is load-bearing for reproducibility: latency, then loss, both also for
 * datagrams that the plan drops. Any change of it changes all later draws of a seed, and every printed replay line.
 */
const datagram =
  (lan: State): SimLan["datagram"] =>
  (packet, from, to, arrive) => {
    if (!from.up) return
    const { clock, faults, random } = lan
    const now = clock.now()
    const direction = lan.linkDirections.between(from, to)
    const verdict = faults?.decide(packet, now, from.name, to.name) ?? FaultVerdict.deliver
    const time = arrivalTime(lan, direction, packet.bytes.length + headerBytes(packet.to.address))
    const isLost = time === undefined || (direction.loss > 0 && random() < direction.loss)
    if (isLost) return observe(lan, packet, from, "lost", undefined)
    if (verdict._tag === "Drop") return observe(lan, packet, from, verdict.note, undefined)
    const deliver = (bytes: Uint8Array, delay: number, note: string | undefined) => {
      observe(lan, bytes === packet.bytes ? packet : { ...packet, bytes }, from, note, time + delay)
      // The sender may reuse its buffer.
      const copy = new Uint8Array(bytes)
      clock.schedule(time + delay, () => arrive(copy))
    }
    if (verdict._tag !== "Datagrams") return deliver(packet.bytes, 0, undefined)
    const { copies, held, note, overtaken } = verdict
    if (held === undefined) for (const { bytes, delayNanos } of copies) deliver(bytes, delayNanos, note)
    else {
      const copied = copies.map(({ bytes, delayNanos }) => ({ bytes: new Uint8Array(bytes), delayNanos }))
      held.onRelease(() => {
        for (const { bytes, delayNanos } of copied) deliver(bytes, delayNanos + clock.now() - now, note)
      })
      clock.schedule(now + held.maxHoldNanos, held.release)
    }
    for (const one of overtaken) one.release()
  }

/** Sends a segment. Draws random numbers in the order of `datagram`: latency, then the losses. */
const segment =
  (lan: State): SimLan["segment"] =>
  (packet, from, to, notBefore, arrive) => {
    if (!from.up) return notBefore
    const { clock, faults, random } = lan
    const now = clock.now()
    const direction = lan.linkDirections.between(from, to)
    const verdict = faults?.decide(packet, now, from.name, to.name) ?? FaultVerdict.deliver
    const size = packet.bytes.length + headerBytes(packet.to.address) + 12
    let time = Math.max(arrivalTime(lan, direction, size) ?? direction.busyUntil, notBefore)
    for (let wait = retransmissionTimeoutNanos; direction.loss > 0 && random() < direction.loss; wait *= 2) time += wait
    if (verdict._tag === "Drop") {
      observe(lan, packet, from, verdict.note, undefined)
      return Number.POSITIVE_INFINITY
    }
    const isFaulty = verdict._tag === "Stream"
    if (isFaulty) time = Math.max(time + verdict.delayNanos, now + verdict.stallNanos)
    const isLost = time === Number.POSITIVE_INFINITY
    observe(lan, packet, from, isFaulty ? verdict.note : undefined, isLost ? undefined : time)
    if (isLost) return time
    if (!isFaulty) {
      clock.schedule(time, () => arrive(packet.bytes, undefined))
      return time
    }
    const { chunkBytes, end } = verdict
    const bytes = end === undefined ? packet.bytes : packet.bytes.subarray(0, end.afterBytes)
    const pieceBytes = chunkBytes ?? Math.max(1, bytes.length)
    for (let from = 0; from < bytes.length || from === 0; from += pieceBytes) {
      const piece = bytes.subarray(from, from + pieceBytes)
      const isLast = from + pieceBytes >= bytes.length
      clock.schedule(time, () => arrive(piece, isLast ? end?.kind : undefined))
      // Segments arrive at different times; otherwise the reader would receive their data together.
      if (!isLast) time += 1_000
    }
    return time
  }

/** Creates a LAN without hosts. @category constructors @since 0.1.0 */
export const make = (options: Options): SimLan => {
  const { clock, random } = options
  const nodes: Array<Node> = []
  const byAddress = new Map<string, Node>()
  const lan: State = { ...options, linkDirections: makeLinkDirections(options.link), packets: 0 }
  const known = (address: string) => (byAddress.has(address) ? address : Endpoint.canonical(address))
  return {
    clock,
    random,
    nodes,
    add: (name, interfaces) => {
      const run = (action: () => void) => {
        if (node.pausedUntil > clock.now()) clock.schedule(node.pausedUntil, () => run(action))
        else action()
      }
      const node: Node = { index: nodes.length, name, interfaces, up: true, pausedUntil: 0, run }
      nodes.push(node)
      for (const { literal } of interfaces) byAddress.set(literal, node)
      return node
    },
    link: lan.linkDirections.set,
    nodeAt: (from, address) => {
      const target = known(address)
      return Endpoint.isLoopback(target) ? from : byAddress.get(target)
    },
    route: (from, address) => {
      const canonical = known(address)
      if (Endpoint.isLoopback(canonical) || byAddress.get(canonical) === from) return "loopback"
      const target = NetAddress.ipFromString(canonical)
      if (Result.isFailure(target)) return undefined
      return from.interfaces.find((one) => IpNetwork.contains(IpNetwork.fromInterface(one.address), target.success))
    },
    nodesOn: (subnet) => nodes.filter((node) => node.interfaces.some((one) => one.subnet === subnet)),
    mtu: (from, to) => lan.linkDirections.between(from, to).mtu,
    packets: () => lan.packets,
    datagram: datagram(lan),
    segment: segment(lan)
  }
}
