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
export interface Attachment {
  readonly interface: string
  readonly segment: string
  readonly address: IpInterface.IpInterface
  /** As packets name it. */
  readonly literal: string
  readonly broadcast: string | undefined
}

/** A host, as the wire sees it. @category models @since 0.1.0 */
export interface Node {
  readonly index: number
  readonly name: string
  readonly attachments: ReadonlyArray<Attachment>
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
export type OnPiece = (bytes: Uint8Array, end: "fin" | "rst" | undefined) => void

interface Way {
  readonly least: number
  readonly spread: number
  readonly perByte: number
  readonly queue: number
  readonly loss: number
  readonly mtu: number
  /** When the bandwidth is free again, and when the last packet in order arrives. */
  free: number
}

const nanos = (input: Duration.Input) => Math.round(Duration.toMillis(input) * 1e6)

const wayOf = ({ bandwidth, latency = "500 micros", loss = 0, mtu = 65_535, queue = 262_144 }: LinkOptions): Way => {
  const isRange = Array.isArray(latency) && latency.length === 2
  const [least, most] = (isRange ? latency : [latency, latency]) as readonly [Duration.Input, Duration.Input]
  const perByte = bandwidth === undefined ? 0 : 1e9 / bandwidth
  return { least: nanos(least), spread: nanos(most) - nanos(least), perByte, queue, loss, mtu, free: 0 }
}

/** A wire, or several: hosts that share one hear each other's broadcasts. @category models @since 0.1.0 */
export interface SimLan {
  readonly clock: SimClock
  readonly random: () => number
  readonly nodes: ReadonlyArray<Node>
  readonly add: (name: string, attachments: ReadonlyArray<Attachment>) => Node
  /** Sets how packets go between two hosts, both ways. */
  readonly link: (one: string, other: string, options: LinkOptions) => void
  /** Who has an address, as seen from a host: its own and loopback first. */
  readonly find: (from: Node, address: string) => Node | undefined
  /** Through which of its addresses a host reaches another one; undefined where there is no way. */
  readonly route: (from: Node, address: string) => Attachment | "loopback" | undefined
  /** All hosts on a wire. */
  readonly on: (segment: string) => ReadonlyArray<Node>
  readonly mtu: (from: Node, to: Node) => number
  /** How many packets were sent. */
  readonly packets: () => number
  /** Sends a datagram; `arrive` is called for every copy that gets there, with bytes of its own. */
  readonly datagram: (packet: Packet.Packet, from: Node, to: Node, arrive: (bytes: Uint8Array) => void) => void
  /** Sends a piece of a stream, which arrives not before its predecessor did; gives the time, which may be infinity. */
  readonly segment: (packet: Packet.Packet, from: Node, to: Node, notBefore: number, arrive: OnPiece) => number
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
const headers = (address: string) => (address.includes(":") ? 48 : 28)

/** How long a stream waits before it sends a lost piece again. */
const retransmission = 200_000_000

/** @category constructors @since 0.1.0 */
export const make = ({ clock, faults, link: byDefault = {}, random, tap }: Options): SimLan => {
  const nodes: Array<Node> = []
  const byAddress = new Map<string, Node>()
  const special = new Map<string, LinkOptions>()
  const ways = new Map<number, Way>()

  const way = (from: Node, to: Node): Way => {
    const key = from.index * 65_536 + to.index
    let found = ways.get(key)
    if (found === undefined) {
      const options = from === to ? { latency: 0 } : (special.get(`${from.name}>${to.name}`) ?? byDefault)
      found = wayOf(options)
      ways.set(key, found)
    }
    return found
  }
  let packets = 0
  const see = (packet: Packet.Packet, from: Node, fault: string | undefined, arrives: number | undefined) => {
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
  const through = (over: Way, size: number): number | undefined => {
    const now = clock.now()
    const start = Math.max(now, over.free)
    if (over.perByte > 0) {
      if ((start - now) / over.perByte > over.queue) return undefined
      over.free = start + size * over.perByte
    }
    return Math.round(start + size * over.perByte + over.least + (over.spread === 0 ? 0 : random() * over.spread))
  }

  const literal = (address: string) => {
    if (byAddress.has(address)) return address
    const parsed = NetAddress.ipFromString(Endpoint.withoutZone(address))
    return Result.isSuccess(parsed) ? NetAddress.formatIp(NetAddress.toCanonical(parsed.success)) : address
  }

  return {
    clock,
    random,
    nodes,
    add: (name, attachments) => {
      const node: Node = { index: nodes.length, name, attachments, up: true, pausedUntil: 0 }
      nodes.push(node)
      for (const attachment of attachments) byAddress.set(attachment.literal, node)
      return node
    },
    link: (one, other, options) => {
      special.set(`${one}>${other}`, options)
      special.set(`${other}>${one}`, options)
      ways.clear()
    },
    find: (from, address) => {
      const known = literal(address)
      return Endpoint.isLoopback(known) ? from : byAddress.get(known)
    },
    route: (from, address) => {
      const known = literal(address)
      if (Endpoint.isLoopback(known) || byAddress.get(known) === from) return "loopback"
      const target = NetAddress.ipFromString(known)
      if (Result.isFailure(target)) return undefined
      return from.attachments.find((one) => IpNetwork.contains(IpNetwork.fromInterface(one.address), target.success))
    },
    on: (segment) => nodes.filter((node) => node.attachments.some((one) => one.segment === segment)),
    mtu: (from, to) => way(from, to).mtu,
    packets: () => packets,
    datagram: (packet, from, to, arrive) => {
      if (!from.up) return
      const over = way(from, to)
      const verdict = faults?.decide(packet, clock.now(), from.name, to.name) ?? FaultVerdict.deliver
      const time = through(over, packet.bytes.length + headers(packet.to.address))
      const unlucky = time === undefined || (over.loss > 0 && random() < over.loss)
      if (unlucky) return see(packet, from, "lost", undefined)
      if (verdict._tag === "Drop") return see(packet, from, verdict.note, undefined)
      const put = (bytes: Uint8Array, delay: number, note: string | undefined) => {
        see(bytes === packet.bytes ? packet : { ...packet, bytes }, from, note, time + delay)
        // The sender may use its bytes again.
        const own = new Uint8Array(bytes)
        clock.at(time + delay, () => arrive(own))
      }
      if (verdict._tag !== "Datagrams") return put(packet.bytes, 0, undefined)
      const { copies, held, note, overtaken } = verdict
      const putAll = (since: number) => {
        for (const copy of copies) put(copy.bytes, copy.delay + since, note)
      }
      if (held === undefined) putAll(0)
      else {
        const now = clock.now()
        const copied = copies.map(({ bytes, delay }) => ({ bytes: new Uint8Array(bytes), delay }))
        held.wait(() => {
          for (const copy of copied) put(copy.bytes, copy.delay + clock.now() - now, note)
        })
        clock.at(now + held.within, held.release)
      }
      for (const one of overtaken) one.release()
    },
    segment: (packet, from, to, notBefore, arrive) => {
      if (!from.up) return notBefore
      const now = clock.now()
      const over = way(from, to)
      const verdict = faults?.decide(packet, now, from.name, to.name) ?? FaultVerdict.deliver
      let time = Math.max(through(over, packet.bytes.length + headers(packet.to.address) + 12) ?? over.free, notBefore)
      for (let wait = retransmission; over.loss > 0 && random() < over.loss; wait *= 2) time += wait
      if (verdict._tag === "Drop") {
        see(packet, from, verdict.note, undefined)
        return Number.POSITIVE_INFINITY
      }
      if (verdict._tag !== "Stream") {
        see(packet, from, undefined, time)
        if (time < Number.POSITIVE_INFINITY) clock.at(time, () => arrive(packet.bytes, undefined))
        return time
      }
      const { chunk, delay, end, note, stall } = verdict
      time = Math.max(time + delay, now + stall)
      see(packet, from, note, time === Number.POSITIVE_INFINITY ? undefined : time)
      if (time === Number.POSITIVE_INFINITY) return time
      const bytes = end === undefined ? packet.bytes : packet.bytes.subarray(0, end.after)
      const size = chunk ?? Math.max(1, bytes.length)
      for (let from = 0; from < bytes.length || from === 0; from += size) {
        const piece = bytes.subarray(from, from + size)
        const last = from + size >= bytes.length ? end?.kind : undefined
        clock.at(time, () => arrive(piece, last))
        // Each comes by itself: else a reader would find them together.
        if (from + size < bytes.length) time += 1_000
      }
      return time
    }
  }
}
