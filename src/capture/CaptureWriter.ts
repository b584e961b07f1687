/**
 * Encoder of packets into the bytes of a pcapng file. It performs no I/O, so that simulations use it, too.
 *
 * **Example** (A capture in memory)
 *
 * ```ts
 * import { CaptureWriter, PcapngDecoder } from "effect-inet/capture"
 * import * as Result from "effect/Result"
 *
 * const writer = CaptureWriter.make({ names: { "10.0.0.2": "server" } })
 * const [from, to] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 7 }]
 * const bytes = new TextEncoder().encode("hello")
 * writer.tap({ transport: "udp", kind: "datagram", from, to, bytes, at: 0n, host: "client" })
 *
 * const blocks = Result.getOrThrow(PcapngDecoder.decode(Buffer.concat(writer.finish())))
 * blocks.map(({ _tag }) => _tag) // => ["Section", "Names", "Interface", "Packet", "Statistics"]
 * writer.droppedPackets() // => 0
 * ```
 */
import type { ObservedPacket, Tap } from "../network/Packet.ts"
import type { CapturedPacket } from "./CaptureReader.ts"
import * as Ip from "./Ip.ts"
import * as Pcapng from "./Pcapng.ts"
import * as BlockQueue from "./write/BlockQueue.ts"
import * as FrameBuilder from "./write/FrameBuilder.ts"
import * as InterfaceStatistics from "./write/InterfaceStatistics.ts"
import * as TapMark from "./write/TapMark.ts"

/** Options of a writer. @category models @since 0.1.0 */
export interface Options {
  /** Host names by address, stored in the file: `{ "10.0.0.1": "server" }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Limit of encoded bytes that wait for `take`; packets beyond it are dropped and counted. Default 64 MiB. */
  readonly maxPendingBytes?: number | undefined
  /** Maximum number of bytes that are written of a packet, from its IP header; 0 means no limit. Default 0. */
  readonly snapLength?: number | undefined
  /** Condition of the packets that are written; it must not throw. Default: all packets. */
  readonly filter?: ((packet: CapturedPacket) => boolean) | undefined
}

/** An encoder of one capture file. @category models @since 0.1.0 */
export interface CaptureWriter {
  readonly tap: Tap
  /** Returns the bytes encoded since the last call; the first call starts with the header of the file. */
  readonly take: () => ReadonlyArray<Uint8Array>
  /**
   * Returns the rest of the file, including acknowledgements of data that is still in flight. Each host has an
   * interface statistics block with the number of packets that were dropped.
   */
  readonly finish: () => ReadonlyArray<Uint8Array>
  /** Returns the number of packets dropped because of `maxPendingBytes`. */
  readonly droppedPackets: () => number
  /** The blocks that wait, for a program that writes them to several files. */
  readonly source: BlockQueue.BlockSource
  /** Adds the acknowledgements of data that is still in flight to `source`. */
  readonly flush: () => void
}

/** An interface of the file, with the packets of its host. */
interface HostInterface {
  readonly index: number
  received: number
  dropped: number
  accepted: number
  lastAt: bigint
}

/** Decodes a frame as a reader of the file will, for a filter. */
const decodeFrame = ({ at, bytes, comments, host }: FrameBuilder.Frame, number: number): CapturedPacket => {
  const decoded = Ip.decode(bytes)
  const layers = ["raw", ...decoded.layers]
  const [originalLength, capturedLength] = [bytes.length, bytes.length]
  return { ...decoded, layers, number, at, host, comments, originalLength, capturedLength, isFromTap: true }
}

/**
 * Creates a writer. The file has one interface per host, and times in nanoseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): CaptureWriter => {
  const { filter, maxPendingBytes = 2 ** 26, names = {}, snapLength = 0 } = options
  const frameBuilder = FrameBuilder.make()
  const encodeBlock = Pcapng.encode()
  const interfaces = new Map<string, HostInterface>()
  const queue = BlockQueue.make(maxPendingBytes)
  let frames = 0

  const append = (kind: BlockQueue.Block["kind"], block: Pcapng.Block, at = 0n) =>
    queue.offer({ kind, bytes: encodeBlock(block), at })
  const interfaceOf = (host: string): HostInterface => {
    const existing = interfaces.get(host)
    if (existing !== undefined) return existing
    const added: HostInterface = { index: interfaces.size, received: 0, dropped: 0, accepted: 0, lastAt: 0n }
    interfaces.set(host, added)
    append("header", {
      _tag: "Interface",
      linkType: Pcapng.LINKTYPE_RAW,
      snapLength,
      name: host,
      description: TapMark.description,
      timestampResolution: 9
    })
    return added
  }
  const writeFrame = (frame: FrameBuilder.Frame) => {
    const { at, bytes, comments, host } = frame
    frames++
    const hostInterface = interfaceOf(host)
    hostInterface.received++
    hostInterface.lastAt = at
    if (filter?.(decodeFrame(frame, frames)) === false) return
    hostInterface.accepted++
    if (!queue.hasSpace()) {
      hostInterface.dropped++
      return
    }
    const captured = snapLength > 0 ? bytes.subarray(0, snapLength) : bytes
    const packet = { interface: hostInterface.index, at, bytes: captured, originalLength: bytes.length, comments }
    append("packet", { _tag: "Packet", ...packet }, at)
  }
  const trailer = () =>
    Array.from(interfaces.values(), ({ accepted, dropped, index, lastAt, received }) =>
      InterfaceStatistics.encode({
        interface: index,
        at: lastAt,
        received: BigInt(received),
        dropped: BigInt(dropped),
        accepted: filter === undefined ? undefined : BigInt(accepted)
      })
    )
  const trailerBytes = () => interfaces.size * InterfaceStatistics.lengthOf(filter !== undefined)
  const flush = () => {
    for (const frame of frameBuilder.finish()) writeFrame(frame)
  }
  const take = () => queue.take(Number.POSITIVE_INFINITY).map(({ bytes }) => bytes)

  append("section", { _tag: "Section", application: TapMark.application })
  const nameRecords = Object.entries(names).map(([address, name]) => ({ address, names: [name] }))
  if (nameRecords.length > 0) append("header", { _tag: "Names", names: nameRecords })
  return {
    tap: (packet: ObservedPacket) => {
      for (const frame of frameBuilder.build(packet)) writeFrame(frame)
    },
    take,
    finish: () => {
      flush()
      return [...take(), ...trailer()]
    },
    droppedPackets: () => Array.from(interfaces.values()).reduce((sum, { dropped }) => sum + dropped, 0),
    source: { take: queue.take, pendingPackets: queue.pendingPackets, trailer, trailerBytes },
    flush
  }
}
