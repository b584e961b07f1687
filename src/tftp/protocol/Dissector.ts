/** What a TFTP packet is, in one line, for captures and fault plans. Pure. */
import * as Result from "effect/Result"
import type * as NetworkPacket from "../../network/Packet.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as Packet from "./Packet.ts"

/** The most characters of a summary: a peer decides how long its texts are. */
const maxSummaryChars = 200

/** Quoted where a blank would leave open where it ends. */
const word = (text: string) => (/[\s"]/.test(text) || text === "" ? JSON.stringify(text) : text)

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
 * Whether a packet that can be decoded may well be TFTP: no port tells, as both ends choose theirs. Blocks are of at
 * most 65,464 bytes (RFC 2348), and an error's message is text, not the bytes of another protocol.
 */
const isLikely = (packet: Packet.Packet): boolean =>
  packet._tag === "DATA"
    ? packet.bytes.length <= 65_464
    : packet._tag !== "ERROR" || !/[^\P{Cc}\t\r\n]/u.test(packet.message)

const clip = (text: string) =>
  text.length > maxSummaryChars ? `${text.slice(0, maxSummaryChars).toWellFormed()}...` : text

/**
 * Knows TFTP by its packets, on any port of UDP: kinds `RRQ`, `WRQ`, `DATA`, `ACK`, `ERROR`, `OACK`; summaries such as
 * `RRQ boot/x octet blksize=1428` and `DATA block 3, 512 bytes`, safe to print. A payload of another protocol that
 * happens to look like one of them cannot be told apart.
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
    return { kind: packet._tag, summary: TerminalText.escape(clip(textOf(packet))) }
  }
}
