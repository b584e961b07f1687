/** The packets of a capture file, ours or anybody's: block by block, so that a file of any size can be read. */
import type { Kind, ObservedPacket } from "../network/Packet.ts"
import * as Ip from "./Ip.ts"
import * as Pcapng from "./Pcapng.ts"

/** A packet of a capture. @category models @since 0.1.0 */
export interface Captured extends Ip.Decoded {
  /** Nanoseconds, as the file has them. */
  readonly at: bigint
  /** The interface it was seen at, by name or by number. */
  readonly host: string
  /** Bytes of the frame on the wire. */
  readonly length: number
  readonly comments: ReadonlyArray<string>
}

/** Where IP begins in a frame, and what says that it is IP; undefined for a frame of something else. */
type Link = (bytes: Uint8Array) => number | undefined

const isIp = (bytes: Uint8Array, at: number): boolean => {
  const type = (bytes[at]! << 8) | bytes[at + 1]!
  return type === 0x0800 || type === 0x86dd
}

const typed =
  (typeAt: number, ipAt: number): Link =>
  (bytes) =>
    bytes.length >= ipAt && isIp(bytes, typeAt) ? ipAt : undefined

const ethernet: Link = (bytes) => {
  const isTagged = bytes[12] === 0x81 && bytes[13] === 0
  return isTagged ? typed(16, 18)(bytes) : typed(12, 14)(bytes)
}

const raw: Link = () => 0

/** What Linux, BSD and macOS capture on interfaces that can carry IP, by the number of the format. */
const links: Readonly<Record<number, Link>> = {
  0: (bytes) => (bytes.length >= 4 ? 4 : undefined),
  1: ethernet,
  101: raw,
  108: (bytes) => (bytes.length >= 4 ? 4 : undefined),
  113: typed(14, 16),
  228: raw,
  229: raw,
  276: typed(0, 20)
}

/** Reads the blocks of one file, in order; undefined for one that is no packet. @category constructors @since 0.1.0 */
export const make = (): ((block: Pcapng.Block) => Captured | undefined) => {
  let interfaces: Array<Pcapng.Interface> = []
  return (block) => {
    if (block._tag === "Section") interfaces = []
    if (block._tag === "Interface") interfaces.push(block)
    if (block._tag !== "Packet") return undefined
    const { at, bytes, comments, interface: index, length } = block
    const from = interfaces[index]
    const start = links[from?.linkType ?? Pcapng.LINKTYPE_RAW]?.(bytes)
    const decoded =
      start === undefined
        ? { protocol: "unknown", payload: bytes, problems: ["not IP"] }
        : Ip.decode(bytes.subarray(start), bytes.length >= length)
    return { ...decoded, at, host: from?.name ?? `${index}`, length, comments }
  }
}

const kindOf = ({ payload, tcp }: Captured): Kind => {
  if (tcp === undefined) return "datagram"
  const has = (bit: number) => (tcp.flags & bit) !== 0
  if (has(Ip.flag.rst)) return "rst"
  if (has(Ip.flag.syn)) return has(Ip.flag.ack) ? "synack" : "syn"
  if (has(Ip.flag.fin)) return "fin"
  return payload.length > 0 ? "data" : "ack"
}

/**
 * The packet as a tap would have been told of it; undefined where it is neither UDP nor TCP. A comment `lost` says that
 * it did not arrive, the others are what a fault did.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toSighting = (captured: Captured): ObservedPacket | undefined => {
  const { at, comments, from, host, payload: bytes, protocol, to } = captured
  const transport = protocol === "TCP" ? "tcp" : protocol === "UDP" ? "udp" : undefined
  if (transport === undefined || from === undefined || to === undefined) return undefined
  if (transport === "tcp" && captured.tcp === undefined) return undefined
  const notes = comments.filter((comment) => comment !== "lost")
  const fault = notes.length === 0 ? undefined : notes.join(", ")
  return { transport, kind: kindOf(captured), from, to, bytes, at, host, fault, lost: comments.includes("lost") }
}
