/** The links of a simulated network: addresses, latency, bandwidth, loss, and the verdicts of the fault plan. */

import type * as IpInterface from "effect/net/IpInterface"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import type { FaultEngine } from "../faults/FaultEngine.ts"
import * as FaultVerdict from "../faults/FaultVerdict.ts"
import type { SimClock } from "../runtime/SimClock.ts"
import * as LinkDirection from "./LinkDirection.ts"

export type { LinkOptions } from "./LinkDirection.ts"

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

/** One or several LANs; hosts on the same subnet receive each other's broadcasts. @category models @since 0.1.0 */
export interface SimLan {
  readonly clock: SimClock
  readonly random: () => number
  readonly nodes: ReadonlyArray<Node>
  readonly add: (name: string, interfaces: ReadonlyArray<SimInterface>) => Node
  /** Sets the link between two hosts, both directions. */
  readonly link: (one: string, other: string, options: LinkDirection.LinkOptions) => void
  /** Partitions two hosts until `repair`: datagrams and SYNs are lost, and streams wait. */
  readonly partition: (one: string, other: string) => void
  readonly repair: (one: string, other: string) => void
  /** Holds all packets between two hosts until `release`, which delivers them in the order of sending. */
  readonly hold: (one: string, other: string) => void
  readonly release: (one: string, other: string) => void
  /** Repairs and releases all links. */
  readonly heal: () => void
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
  /** Delivers an ICMP error after the latency of the link. Taps and fault plans do not see it. */
  readonly icmp: (from: Node, to: Node, arrive: () => void) => void
}

/** Parts of a LAN. @category models @since 0.1.0 */
export interface Options {
  readonly clock: SimClock
  /** Returns numbers in [0, 1); the same seed gives the same sequence. */
  readonly random: () => number
  readonly link?: LinkDirection.LinkOptions | undefined
  readonly faults?: FaultEngine | undefined
  readonly tap?: Packet.Tap | undefined
}

/** Returns the bytes of the IPv4 or IPv6 header and the UDP header. */
const headerBytes = (address: string) => (address.includes(":") ? 48 : 28)

/** Initial retransmission timeout of a stream, doubled for each further loss of a segment. */
const retransmissionTimeoutNanos = 200_000_000

/** State of a LAN, besides the hosts. */
interface State extends Options {
  readonly linkDirections: LinkDirection.LinkDirections
  readonly blocks: LinkDirection.Blocks
  packets: number
}

/** Shows a packet to the tap; `arrives` is `waits` for one that the scenario holds. */
const observe = (
  lan: State,
  packet: Packet.Packet,
  from: Node,
  fault: string | undefined,
  arrives: number | "waits" | undefined
) => {
  lan.packets++
  lan.tap?.({
    ...packet,
    at: BigInt(lan.clock.now()),
    host: from.name,
    ...(fault === undefined ? {} : { fault }),
    ...(arrives === undefined ? { lost: true } : arrives === "waits" ? {} : { arrives: BigInt(arrives) })
  })
}

/**
 * Returns the time at which a packet arrives. A datagram that finds the queue of the link full is lost: then undefined.
 * A segment waits at its sender, behind those of all streams that do.
 */
const arrivalTime = (
  { clock, random }: State,
  direction: LinkDirection.LinkDirection,
  size: number,
  isSegment: boolean
): number | undefined => {
  const { nanosPerByte, queueBytes } = direction
  const now = clock.now()
  let start = now
  if (nanosPerByte > 0) {
    const time = size * nanosPerByte
    const full = now + queueBytes * nanosPerByte
    start = Math.max(now, isSegment ? direction.segmentsUntil : direction.busyUntil)
    if (!isSegment && start > full) return undefined
    direction.segmentsUntil = Math.max(now, direction.segmentsUntil) + time
    direction.busyUntil = Math.max(direction.busyUntil, Math.min(start, full) + time)
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
    const time = arrivalTime(lan, direction, packet.bytes.length + headerBytes(packet.to.address), false)
    const isLost = time === undefined || (direction.loss > 0 && random() < direction.loss)
    if (isLost) return observe(lan, packet, from, "lost", undefined)
    if (verdict._tag === "Drop") return observe(lan, packet, from, verdict.note, undefined)
    if (LinkDirection.blockOf(lan.blocks, from, to)?.isPartitioned)
      return observe(lan, packet, from, "partition", undefined)
    const deliver = (bytes: Uint8Array, delay: number, note: string | undefined) => {
      const observed = bytes === packet.bytes ? packet : { ...packet, bytes }
      const at = time + delay
      // The sender may reuse its buffer.
      const copy = new Uint8Array(bytes)
      const block = LinkDirection.blockOf(lan.blocks, from, to)
      if (block !== undefined) {
        block.waiting.push(() => clock.schedule(at, () => arrive(copy)))
        return observe(lan, observed, from, note ?? "hold", "waits")
      }
      observe(lan, observed, from, note, at)
      // Within a host, Linux delivers a datagram before `send` returns.
      if (from === to && at === clock.now()) arrive(copy)
      else clock.schedule(at, () => arrive(copy))
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

/** Delivers the pieces of a segment, from a time on; returns the time of the last. */
const deliverPieces = (
  { clock }: State,
  packet: Packet.Packet,
  { chunkBytes, end }: Pick<FaultVerdict.Stream, "chunkBytes" | "end">,
  from: number,
  arrive: OnSegment
): number => {
  const bytes = end === undefined ? packet.bytes : packet.bytes.subarray(0, end.afterBytes)
  const pieceBytes = chunkBytes ?? Math.max(1, bytes.length)
  let time = from
  for (let start = 0; start < bytes.length || start === 0; start += pieceBytes) {
    const piece = bytes.subarray(start, start + pieceBytes)
    const isLast = start + pieceBytes >= bytes.length
    clock.schedule(time, () => arrive(piece, isLast ? end?.kind : undefined))
    // Segments arrive at different times; otherwise the reader would receive their data together.
    if (!isLast) time += 1_000
  }
  return time
}

const whole = { chunkBytes: undefined, end: undefined }

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
    let time = arrivalTime(lan, direction, size, true)!
    for (let wait = retransmissionTimeoutNanos; direction.loss > 0 && random() < direction.loss; wait *= 2) time += wait
    if (verdict._tag === "Drop") {
      observe(lan, packet, from, verdict.note, undefined)
      return Number.POSITIVE_INFINITY
    }
    const isFaulty = verdict._tag === "Stream"
    if (isFaulty) time = Math.max(time + verdict.delayNanos, now + verdict.stallNanos)
    // Each segment has its own delay, as if sent alone; the receiver gets it behind those before it.
    time = Math.max(time, notBefore)
    const isLost = time === Number.POSITIVE_INFINITY
    const block = isLost ? undefined : LinkDirection.blockOf(lan.blocks, from, to)
    if (block !== undefined) {
      const isSynLost = packet.kind === "syn" && block.isPartitioned
      const fault = isFaulty ? verdict.note : block.isPartitioned ? "partition" : "hold"
      observe(lan, packet, from, fault, isSynLost ? undefined : "waits")
      if (isSynLost) return Number.POSITIVE_INFINITY
      block.waiting.push(() =>
        deliverPieces(lan, packet, isFaulty ? verdict : whole, Math.max(time, clock.now()), arrive)
      )
      return time
    }
    observe(lan, packet, from, isFaulty ? verdict.note : undefined, isLost ? undefined : time)
    if (isLost) return time
    if (isFaulty) return deliverPieces(lan, packet, verdict, time, arrive)
    clock.schedule(time, () => arrive(packet.bytes, undefined))
    return time
  }

/** Sends an ICMP error, which partitions stop. */
const icmp =
  (lan: State): SimLan["icmp"] =>
  (from, to, arrive) => {
    if (from === to) return arrive()
    const { clock, faults } = lan
    const now = clock.now()
    if (!from.up || faults?.isPartitioned(from.name, to.name, now)) return
    const at = now + lan.linkDirections.between(from, to).minLatencyNanos
    const block = LinkDirection.blockOf(lan.blocks, from, to)
    if (block?.isPartitioned) return
    if (block === undefined) clock.schedule(at, arrive)
    else block.waiting.push(() => clock.schedule(at, arrive))
  }

const hostHint = (nodes: ReadonlyArray<Node>) =>
  nodes.length === 0
    ? "the network has no hosts yet; add it first"
    : `the hosts are ${nodes.map(({ name }) => name).join(", ")}`

/** Creates a LAN without hosts. @category constructors @since 0.1.0 */
export const make = (options: Options): SimLan => {
  const { clock, random } = options
  const nodes: Array<Node> = []
  const byAddress = new Map<string, Node>()
  const lan: State = { ...options, linkDirections: LinkDirection.make(options.link), blocks: new Map(), packets: 0 }
  const nodeOf = (name: string) => {
    const node = nodes.find((one) => one.name === name)
    if (node === undefined) throw new Error(`unknown host ${name}: ${hostHint(nodes)}`)
    return node
  }
  const setBlock = (kind: "isHeld" | "isPartitioned", value: boolean) => (one: string, other: string) =>
    LinkDirection.setBlock(lan.blocks, nodeOf(one), nodeOf(other), kind, value)
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
    link: (one, other, link) => lan.linkDirections.set(nodeOf(one).name, nodeOf(other).name, link),
    partition: setBlock("isPartitioned", true),
    repair: setBlock("isPartitioned", false),
    hold: setBlock("isHeld", true),
    release: setBlock("isHeld", false),
    heal: () => LinkDirection.clearBlocks(lan.blocks),
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
    segment: segment(lan),
    icmp: icmp(lan)
  }
}
