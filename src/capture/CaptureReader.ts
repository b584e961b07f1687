/**
 * Reader of capture files, from this package or any other program: block by block, so that a file of any size fits into
 * memory.
 *
 * **Example** (The packets of a file)
 *
 * ```ts
 * import { CaptureReader, CaptureWriter, PcapngDecoder } from "effect-inet/capture"
 * import * as Result from "effect/Result"
 *
 * const writer = CaptureWriter.make()
 * const [from, to] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 7 }]
 * const bytes = new TextEncoder().encode("hello")
 * writer.tap({ transport: "udp", kind: "datagram", from, to, bytes, at: 0n, host: "client" })
 * const file = Buffer.concat(writer.finish())
 *
 * const readBlock = CaptureReader.make()
 * for (const block of Result.getOrThrow(PcapngDecoder.decode(file))) {
 *   const packet = readBlock(block)
 *   if (packet === undefined) continue
 *   packet.protocol // => "UDP"
 *   packet.to // => { address: "10.0.0.2", port: 7 }
 *   new TextDecoder().decode(packet.payload) // => "hello"
 * }
 * ```
 */
import type { Kind, ObservedPacket } from "../network/Packet.ts"
import * as Ip from "./Ip.ts"
import * as Pcapng from "./Pcapng.ts"

/** A packet read from a capture file. @category models @since 0.1.0 */
export interface CapturedPacket extends Ip.DecodedPacket {
  /** Time of the packet in nanoseconds, as stated in the file. */
  readonly at: bigint
  /** Name of the interface that captured the packet, or its number if it has no name. */
  readonly host: string
  /** Length of the whole frame on the wire, in bytes; the file may hold fewer. */
  readonly originalLength: number
  readonly comments: ReadonlyArray<string>
}

/** Returns the offset of the IP header in a frame, in bytes; undefined for a frame without IP. */
type IpOffset = (bytes: Uint8Array) => number | undefined

const isIpEtherType = (bytes: Uint8Array, at: number): boolean => {
  const type = (bytes[at]! << 8) | bytes[at + 1]!
  return type === 0x0800 || type === 0x86dd
}

const withEtherType =
  (typeAt: number, ipAt: number): IpOffset =>
  (bytes) =>
    bytes.length >= ipAt && isIpEtherType(bytes, typeAt) ? ipAt : undefined

const ethernet: IpOffset = (bytes) => {
  const isTagged = bytes[12] === 0x81 && bytes[13] === 0
  return isTagged ? withEtherType(16, 18)(bytes) : withEtherType(12, 14)(bytes)
}

const raw: IpOffset = () => 0

/** Frame formats of Linux, BSD and macOS interfaces that can carry IP, by link type (`LINKTYPE_*` of tcpdump). */
const ipOffsets: Readonly<Record<number, IpOffset>> = {
  0: (bytes) => (bytes.length >= 4 ? 4 : undefined),
  1: ethernet,
  101: raw,
  108: (bytes) => (bytes.length >= 4 ? 4 : undefined),
  113: withEtherType(14, 16),
  228: raw,
  229: raw,
  276: withEtherType(0, 20)
}

/**
 * Creates a reader of one file: call it with each block in order. It returns undefined for a block that does not hold a
 * packet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): ((block: Pcapng.Block) => CapturedPacket | undefined) => {
  let interfaces: Array<Pcapng.Interface> = []
  return (block) => {
    if (block._tag === "Section") interfaces = []
    if (block._tag === "Interface") interfaces.push(block)
    if (block._tag !== "Packet") return undefined
    const { at, bytes, comments, interface: index, originalLength: length } = block
    const networkInterface = interfaces[index]
    const ipOffset = ipOffsets[networkInterface?.linkType ?? Pcapng.LINKTYPE_RAW]?.(bytes)
    const decoded =
      ipOffset === undefined
        ? { protocol: "unknown", payload: bytes, problems: ["not IP"] }
        : Ip.decode(bytes.subarray(ipOffset), bytes.length >= length)
    return { ...decoded, at, host: networkInterface?.name ?? `${index}`, originalLength: length, comments }
  }
}

const kindOf = ({ payload, tcp }: CapturedPacket): Kind => {
  if (tcp === undefined) return "datagram"
  const hasFlag = (bit: number) => (tcp.flags & bit) !== 0
  if (hasFlag(Ip.flag.rst)) return "rst"
  if (hasFlag(Ip.flag.syn)) return hasFlag(Ip.flag.ack) ? "synack" : "syn"
  if (hasFlag(Ip.flag.fin)) return "fin"
  return payload.length > 0 ? "data" : "ack"
}

/**
 * Converts a packet to the form that taps receive; undefined if it is neither UDP nor TCP. The comment `lost` marks a
 * packet that did not arrive; all other comments are read as the fault applied to it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toObservedPacket = (captured: CapturedPacket): ObservedPacket | undefined => {
  const { at, comments, from, host, payload: bytes, protocol, to } = captured
  const transport = protocol === "TCP" ? "tcp" : protocol === "UDP" ? "udp" : undefined
  if (transport === undefined || from === undefined || to === undefined) return undefined
  if (transport === "tcp" && captured.tcp === undefined) return undefined
  const faults = comments.filter((comment) => comment !== "lost")
  const fault = faults.length === 0 ? undefined : faults.join(", ")
  return { transport, kind: kindOf(captured), from, to, bytes, at, host, fault, lost: comments.includes("lost") }
}
