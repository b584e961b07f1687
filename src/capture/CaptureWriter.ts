/** A capture as bytes: what taps see goes in, a pcapng file comes out. Pure, so that a simulation can keep one too. */
import type { ObservedPacket, Tap } from "../network/Packet.ts"
import * as FrameBuilder from "./FrameBuilder.ts"
import * as Pcapng from "./Pcapng.ts"

/** @category models @since 0.1.0 */
export interface Options {
  /** Names of addresses, for whoever reads the capture: `{ "10.0.0.1": "server" }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Bytes that may wait to be taken; packets beyond are left out and counted. Default 64 MiB. */
  readonly maxPendingBytes?: number | undefined
}

/** A capture that is being made. @category models @since 0.1.0 */
export interface CaptureWriter {
  readonly tap: Tap
  /** What came since it was last taken, starting with the head of the file. */
  readonly take: () => ReadonlyArray<Uint8Array>
  /** The last of the file: what is still under way on the network, too. */
  readonly finish: () => ReadonlyArray<Uint8Array>
  /** Packets that were left out. */
  readonly droppedPackets: () => number
}

/** Starts a file: one interface for every host, times in nanoseconds. @category constructors @since 0.1.0 */
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
