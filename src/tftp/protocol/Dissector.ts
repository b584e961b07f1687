/** The dissector of TFTP packets, for captures and fault plans. Pure. */
import * as Result from "effect/Result"
import type * as NetworkPacket from "../../network/Packet.ts"
import * as NameText from "./NameText.ts"
import * as Packet from "./Packet.ts"

/** The length of a summary: file names and messages of a peer may be long. */
const maxSummaryChars = 200

/** Quotes a text that contains white space or quotes, or is empty. */
const word = (text: string) => (/[\s"]/.test(text) || text === "" ? NameText.quote(text) : text)

const words = (options: ReadonlyArray<Packet.Option>) => options.map(([name, value]) => ` ${word(name)}=${word(value)}`)

const bytesOf = (length: number) => (length === 1 ? "1 byte" : `${length} bytes`)

const textOf = (packet: Packet.Packet): string => {
  switch (packet._tag) {
    case "DATA":
      return `DATA block ${packet.block}, ${bytesOf(packet.bytes.length)}`
    case "ACK":
      return `ACK block ${packet.block}`
    case "ERROR":
      return `ERROR ${packet.code}${packet.message === "" ? "" : `: ${packet.message}`}`
    case "OACK":
      return `OACK${words(packet.options).join("")}`
    default:
      return `${packet._tag} ${word(packet.filename)} ${packet.mode}${words(packet.options).join("")}`
  }
}

/**
 * Returns true if a packet that can be decoded is probably TFTP. Ports give no hint, because both ends choose theirs. A
 * block has at most 65,464 bytes (RFC 2348), and the message of an ERROR is text.
 */
const isLikely = (packet: Packet.Packet): boolean =>
  packet._tag === "DATA"
    ? packet.bytes.length <= 65_464
    : packet._tag !== "ERROR" || !/[^\P{Cc}\t\r\n]/u.test(packet.message)

const clip = (text: string) =>
  text.length > maxSummaryChars ? `${text.slice(0, maxSummaryChars).toWellFormed()}...` : text

/**
 * The dissector of TFTP, on any UDP port. Kinds are `RRQ`, `WRQ`, `DATA`, `ACK`, `ERROR` and `OACK`; summaries, such as
 * `RRQ boot/x octet blksize=1428` and `DATA block 3, 512 bytes`, are safe to print. A payload of another protocol with
 * the form of a TFTP packet is dissected too.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: NetworkPacket.Dissector = {
  name: "tftp",
  dissect: ({ bytes, transport }) => {
    if (transport !== "udp") return undefined
    const packet = Result.getOrUndefined(Packet.decode(bytes))
    if (packet === undefined || !isLikely(packet)) return undefined
    return { kind: packet._tag, summary: clip(NameText.escape(textOf(packet))) }
  }
}
