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
import * as FrameDecoder from "./format/FrameDecoder.ts"
import { isNumbered } from "./format/PcapngFormat.ts"
import * as Ip from "./Ip.ts"
import * as Pcapng from "./Pcapng.ts"
import * as IpFragments from "./reassembly/IpFragments.ts"
import * as TapMark from "./write/TapMark.ts"

/** A packet read from a capture file. @category models @since 0.1.0 */
export interface CapturedPacket extends Ip.DecodedPacket {
  /** Number of the packet in the file, from 1, as Wireshark counts: custom blocks have a number, too. */
  readonly number: number
  /** Time of the packet in nanoseconds, as stated in the file. */
  readonly at: bigint
  /** Name of the interface that captured the packet, or its number if it has no name. */
  readonly host: string
  /** Length of the whole frame on the wire, in bytes. */
  readonly originalLength: number
  /** Length of the part of the frame that the file holds, in bytes. */
  readonly capturedLength: number
  readonly comments: ReadonlyArray<string>
  /**
   * True if a tap of this package has captured the packet. It makes the handshakes and acknowledgements of TCP, whose
   * times are not those of the wire.
   */
  readonly isFromTap?: boolean | undefined
}

/** Limits of a reader. @category models @since 0.1.0 */
export interface Options {
  /** Maximum bytes of IP fragments whose datagram is incomplete; beyond, the oldest is given up. Default 16 MiB. */
  readonly maxFragmentBytes?: number | undefined
}

/** A reader of the blocks of one file. @category models @since 0.1.0 */
export interface CaptureReader {
  /** Returns the packet in a block; undefined for a block without one. */
  readonly read: (block: Pcapng.DecodedBlock) => CapturedPacket | undefined
  /** Returns the number of fragmented datagrams of which a part is missing. */
  readonly incompleteDatagrams: () => number
}

/**
 * Creates a reader of one file: call `read` with each block in order.
 *
 * A frame of any link type gives a packet: `notes` says what was not decoded. A datagram in fragments is given at its
 * last fragment; the fragments before are packets of the protocol `IPv4` or `IPv6`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBlocks = ({ maxFragmentBytes }: Options = {}): CaptureReader => {
  const fragments = IpFragments.make({ maxBytes: maxFragmentBytes })
  let interfaces: Array<Pcapng.Interface> = []
  let tapped: Array<boolean> = []
  let application: string | undefined
  let number = 0
  const read = (block: Pcapng.DecodedBlock): CapturedPacket | undefined => {
    if (block._tag === "Section") {
      interfaces = []
      tapped = []
      application = block.application
    }
    if (block._tag === "Interface") {
      interfaces.push(block)
      tapped.push(TapMark.isOn(application, block))
    }
    if (block._tag === "Skipped" && isNumbered(block.type)) number++
    if (block._tag !== "Packet") return undefined
    const { at, bytes, comments, interface: index, originalLength } = block
    const { linkType = Pcapng.LINKTYPE_RAW, name = `${index}` } = interfaces[index] ?? {}
    const decoded = FrameDecoder.decode({ linkType, bytes, originalLength, at }, fragments)
    number++
    return {
      protocol: decoded.protocol,
      from: decoded.from,
      to: decoded.to,
      tcp: decoded.tcp,
      payload: decoded.payload,
      missingBytes: decoded.missingBytes,
      problems: decoded.problems,
      notes: block.notes === undefined ? decoded.notes : [...block.notes, ...(decoded.notes ?? [])],
      layers: decoded.layers,
      hardwareAddresses: decoded.hardwareAddresses,
      vlanIds: decoded.vlanIds,
      hopLimit: decoded.hopLimit,
      headerLength: decoded.headerLength,
      number,
      at,
      host: name,
      originalLength,
      capturedLength: bytes.length,
      comments,
      isFromTap: tapped[index] === true
    }
  }
  return { read, incompleteDatagrams: fragments.incomplete }
}

/** Creates the function `read` of a reader of one file. @category constructors @since 0.1.0 */
export const make = (options?: Options): CaptureReader["read"] => fromBlocks(options).read

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
