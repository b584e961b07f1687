/** One direction of the link between two hosts: latency, bandwidth, loss, and packets that the scenario holds. */
import type * as Duration from "effect/Duration"
import * as OptionCheck from "../runtime/OptionCheck.ts"

/** Properties of a link, each direction. @category models @since 0.1.0 */
export interface LinkOptions {
  /**
   * Latency: fixed, or drawn uniformly between two durations. Segments of one stream still arrive in order. Default 500
   * us.
   */
  readonly latency?: Duration.Input | readonly [min: Duration.Input, max: Duration.Input] | undefined
  /** Bytes per second; packets queue behind earlier ones. Default: no limit. */
  readonly bandwidth?: number | undefined
  /** Maximum number of bytes queued for the bandwidth; further datagrams are lost, segments wait. Default 256 KiB. */
  readonly queue?: number | undefined
  /** Probability, 0 to 1, of losing a datagram, or of retransmitting a segment. Default 0. */
  readonly loss?: number | undefined
  /** Bytes of the largest packet, with headers; sending a larger datagram fails. Default 65,535. */
  readonly mtu?: number | undefined
}

/** A host at an end of a link. */
interface Host {
  readonly index: number
  readonly name: string
}

/** A direction of a link. */
export interface LinkDirection {
  readonly minLatencyNanos: number
  readonly jitterNanos: number
  readonly nanosPerByte: number
  readonly queueBytes: number
  readonly loss: number
  readonly mtu: number
  /** Time at which the queue is empty. */
  busyUntil: number
  /** The same with the segments that found no place in the queue, and wait at their senders. */
  segmentsUntil: number
}

const nanos = (input: Duration.Input) => Math.round(OptionCheck.millis("latency of a link", input) * 1e6)

const fromOptions = ({
  bandwidth,
  latency = "500 micros",
  loss = 0,
  mtu = 65_535,
  queue = 262_144
}: LinkOptions): LinkDirection => {
  const isRange = Array.isArray(latency) && latency.length === 2
  const [min, max] = (isRange ? latency : [latency, latency]) as readonly [Duration.Input, Duration.Input]
  const minLatencyNanos = nanos(min)
  const jitterNanos = nanos(max) - minLatencyNanos
  if (jitterNanos < 0) OptionCheck.refuse("latency of a link", latency, "give the shorter duration first")
  return {
    minLatencyNanos,
    jitterNanos,
    nanosPerByte: bandwidth === undefined ? 0 : 1e9 / bandwidth,
    queueBytes: queue,
    loss,
    mtu,
    busyUntil: 0,
    segmentsUntil: 0
  }
}

const atLeastOne = "use a number of bytes per second from 1, or leave it out for no limit"
const fromZero = "use a number of bytes from 0"

/** Checks the options of a link, which throws for an invalid one, and returns them. */
const checked = (link: LinkOptions): LinkOptions => {
  const { bandwidth, loss, mtu, queue } = link
  OptionCheck.number("bandwidth of a link", bandwidth, 1, Number.POSITIVE_INFINITY, atLeastOne)
  OptionCheck.number("queue of a link", queue, 0, Number.POSITIVE_INFINITY, fromZero)
  OptionCheck.number("loss of a link", loss, 0, 1, "use a probability from 0 to 1, such as 0.05")
  OptionCheck.number("mtu of a link", mtu, 68, 65_535, "use a number of bytes from 68 to 65535")
  fromOptions(link)
  return link
}

/** Returns the key of a direction. */
const keyOf = (from: Host, to: Host) => from.index * 65_536 + to.index

/** The directions of a LAN. */
export type LinkDirections = ReturnType<typeof make>

/** Creates the table of link directions, which are made from their options at their first packet. */
export const make = (link?: LinkOptions) => {
  const defaults = link === undefined ? {} : checked(link)
  const options = new Map<string, LinkOptions>()
  const directions = new Map<number, LinkDirection>()
  return {
    between: (from: Host, to: Host): LinkDirection => {
      const key = keyOf(from, to)
      let found = directions.get(key)
      if (found === undefined) {
        found = fromOptions(from === to ? { latency: 0 } : (options.get(`${from.name}>${to.name}`) ?? defaults))
        directions.set(key, found)
      }
      return found
    },
    set: (one: string, other: string, link: LinkOptions) => {
      checked(link)
      options.set(`${one}>${other}`, link)
      options.set(`${other}>${one}`, link)
      directions.clear()
    }
  }
}

/** A direction that the scenario has blocked. */
export interface Block {
  isHeld: boolean
  isPartitioned: boolean
  /** Deliveries of the packets that wait for the end of the block, in the order of sending. */
  readonly waiting: Array<() => void>
}

/** The blocked directions; empty unless the scenario blocks links. */
export type Blocks = Map<number, Block>

/** Returns the block of a direction, at the cost of one comparison while none is blocked. */
export const blockOf = (blocks: Blocks, from: Host, to: Host): Block | undefined =>
  blocks.size === 0 ? undefined : blocks.get(keyOf(from, to))

/** Blocks both directions of a link, or ends a block: then everything that waits is delivered, in order. */
export const setBlock = (blocks: Blocks, one: Host, other: Host, kind: "isHeld" | "isPartitioned", value: boolean) => {
  for (const key of new Set([keyOf(one, other), keyOf(other, one)])) {
    const block = blocks.get(key) ?? { isHeld: false, isPartitioned: false, waiting: [] }
    block[kind] = value
    if (block.isHeld || block.isPartitioned) blocks.set(key, block)
    else {
      blocks.delete(key)
      for (const deliver of block.waiting) deliver()
    }
  }
}

/** Ends all blocks. */
export const clearBlocks = (blocks: Blocks) => {
  const all = [...blocks.values()]
  blocks.clear()
  for (const { waiting } of all) for (const deliver of waiting) deliver()
}
