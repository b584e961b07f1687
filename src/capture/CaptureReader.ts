/** The packets of a capture file, ours or anybody's: block by block, so that a file of any size can be read. */
import type { Kind, ObservedPacket } from "../network/Packet.ts"
import * as Ip from "./Ip.ts"
import * as Pcapng from "./Pcapng.ts"

/** A packet of a capture. @category models @since 0.1.0 */
export interface CapturedPacket extends Ip.DecodedPacket {
  /** Nanoseconds, as the file has them. */
  readonly at: bigint
  /** The interface it was seen at, by name or by number. */
  readonly host: string
  /** Bytes of the frame on the wire. */
  readonly originalLength: number
  readonly comments: ReadonlyArray<string>
}

/** Where IP begins in a frame, and what says that it is IP; undefined for a frame of something else. */
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

/** What Linux, BSD and macOS capture on interfaces that can carry IP, by the number of the format. */
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

/** Reads the blocks of one file, in order; undefined for one that is no packet. @category constructors @since 0.1.0 */
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
 * The packet as a tap would have been told of it; undefined where it is neither UDP nor TCP. A comment `lost` says that
 * it did not arrive, the others are what a fault did.
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
