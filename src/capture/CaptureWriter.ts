/** A capture as bytes: what taps see goes in, a pcapng file comes out. Pure, so that a simulation can keep one too. */
import type { ObservedPacket, Tap } from "../network/Packet.ts"
import * as FrameBuilder from "./FrameBuilder.ts"
import * as Pcapng from "./Pcapng.ts"

/** @category models @since 0.1.0 */
export interface Options {
  /** Names of addresses, for whoever reads the capture: `{ "10.0.0.1": "server" }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Bytes that may wait to be taken; packets beyond are left out and counted. Default 64 MiB. */
  readonly maxPending?: number | undefined
}

/** A capture that is being made. @category models @since 0.1.0 */
export interface Recording {
  readonly tap: Tap
  /** What came since it was last taken, starting with the head of the file. */
  readonly take: () => ReadonlyArray<Uint8Array>
  /** The last of the file: what is still under way on the network, too. */
  readonly finish: () => ReadonlyArray<Uint8Array>
  /** Packets that were left out. */
  readonly leftOut: () => number
}

/** Starts a file: one interface for every host, times in nanoseconds. @category constructors @since 0.1.0 */
export const make = ({ maxPending = 2 ** 26, names = {} }: Options = {}): Recording => {
  const frames = FrameBuilder.make()
  const encode = Pcapng.encode()
  const interfaces = new Map<string, number>()
  let chunks: Array<Uint8Array> = []
  let pending = 0
  let leftOut = 0

  const put = (block: Pcapng.Block) => {
    const bytes = encode(block)
    pending += bytes.length
    chunks.push(bytes)
  }
  const interfaceOf = (host: string): number => {
    const known = interfaces.get(host)
    if (known !== undefined) return known
    const index = interfaces.size
    interfaces.set(host, index)
    put({ _tag: "Interface", linkType: Pcapng.LINKTYPE_RAW, snapLength: 0, name: host, resolution: 9 })
    return index
  }
  const write = ({ at, bytes, comments, host }: FrameBuilder.Frame) => {
    if (pending > maxPending) {
      leftOut++
      return
    }
    put({ _tag: "Packet", interface: interfaceOf(host), at, bytes, length: bytes.length, comments })
  }
  const take = () => {
    const taken = chunks
    chunks = []
    pending = 0
    return taken
  }

  put({ _tag: "Section", application: "effect-inet" })
  const known = Object.entries(names).map(([address, name]) => ({ address, names: [name] }))
  if (known.length > 0) put({ _tag: "Names", names: known })
  return {
    tap: (sighting: ObservedPacket) => {
      for (const frame of frames.see(sighting)) write(frame)
    },
    take,
    finish: () => {
      for (const frame of frames.finish()) write(frame)
      return take()
    },
    leftOut: () => leftOut
  }
}
