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
 * blocks.map(({ _tag }) => _tag) // => ["Section", "Names", "Interface", "Packet"]
 * writer.droppedPackets() // => 0
 * ```
 */
import type { ObservedPacket, Tap } from "../network/Packet.ts"
import * as FrameBuilder from "./FrameBuilder.ts"
import * as Pcapng from "./Pcapng.ts"

/** Options of a writer. @category models @since 0.1.0 */
export interface Options {
  /** Host names by address, stored in the file: `{ "10.0.0.1": "server" }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Limit of encoded bytes that wait for `take`; packets beyond it are dropped and counted. Default 64 MiB. */
  readonly maxPendingBytes?: number | undefined
}

/** An encoder of one capture file. @category models @since 0.1.0 */
export interface CaptureWriter {
  readonly tap: Tap
  /** Returns the bytes encoded since the last call; the first call starts with the header of the file. */
  readonly take: () => ReadonlyArray<Uint8Array>
  /** Returns the rest of the file, including acknowledgements of data that is still in flight. */
  readonly finish: () => ReadonlyArray<Uint8Array>
  /** Returns the number of packets dropped because of `maxPendingBytes`. */
  readonly droppedPackets: () => number
}

/**
 * Creates a writer. The file has one interface per host, and times in nanoseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ maxPendingBytes = 2 ** 26, names = {} }: Options = {}): CaptureWriter => {
  const frameBuilder = FrameBuilder.make()
  const encodeBlock = Pcapng.encode()
  const interfaces = new Map<string, number>()
  let chunks: Array<Uint8Array> = []
  let pendingBytes = 0
  let droppedPackets = 0

  const append = (block: Pcapng.Block) => {
    const bytes = encodeBlock(block)
    pendingBytes += bytes.length
    chunks.push(bytes)
  }
  const interfaceOf = (host: string): number => {
    const existing = interfaces.get(host)
    if (existing !== undefined) return existing
    const index = interfaces.size
    interfaces.set(host, index)
    append({ _tag: "Interface", linkType: Pcapng.LINKTYPE_RAW, snapLength: 0, name: host, timestampResolution: 9 })
    return index
  }
  const writeFrame = ({ at, bytes, comments, host }: FrameBuilder.Frame) => {
    if (pendingBytes > maxPendingBytes) {
      droppedPackets++
      return
    }
    append({ _tag: "Packet", interface: interfaceOf(host), at, bytes, originalLength: bytes.length, comments })
  }
  const take = () => {
    const taken = chunks
    chunks = []
    pendingBytes = 0
    return taken
  }

  append({ _tag: "Section", application: "effect-inet" })
  const nameRecords = Object.entries(names).map(([address, name]) => ({ address, names: [name] }))
  if (nameRecords.length > 0) append({ _tag: "Names", names: nameRecords })
  return {
    tap: (packet: ObservedPacket) => {
      for (const frame of frameBuilder.build(packet)) writeFrame(frame)
    },
    take,
    finish: () => {
      for (const frame of frameBuilder.finish()) writeFrame(frame)
      return take()
    },
    droppedPackets: () => droppedPackets
  }
}
