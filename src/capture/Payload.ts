/** One-line summaries of packets. Control characters of a payload are escaped, so that a terminal can print them. */
import * as Packet from "../network/Packet.ts"
import * as TerminalText from "../network/TerminalText.ts"

/** Formats a number of bytes: `1 byte`, `2 bytes`. @category formatting @since 0.1.0 */
export const byteCount = (length: number): string => (length === 1 ? "1 byte" : `${length} bytes`)

/** Decodes a payload as text if it holds only printable characters, line ends and a final NUL. */
const decodeText = (bytes: Uint8Array): string | undefined => {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    // With `stream`, a character that is incomplete at the end is ignored instead of rejected.
    const text = utf8.decode(bytes.subarray(0, 256), { stream: true })
    return /[^\P{Cc}\t\r\n]/u.test(text.replace(/\0$/, "")) ? undefined : text
  } catch {
    return undefined
  }
}

const flagNames: Readonly<Partial<Record<Packet.Kind, string>>> = {
  syn: "SYN",
  synack: "SYN, ACK",
  ack: "ACK",
  fin: "FIN",
  rst: "RST"
}

/** Maximum length of a quoted text. */
const maxQuotedChars = 40

/**
 * Summarizes a packet in one line, by the first of these that applies.
 *
 * - the summary of a dissector that knows the packet
 * - the flag of an empty TCP segment
 * - the text of the payload, up to 40 characters
 * - the length of the payload
 *
 * @category formatting
 * @since 0.1.0
 */
export const summary = (packet: Packet.Packet, dissectors: ReadonlyArray<Packet.Dissector> = []): string => {
  const dissection = Packet.dissect(dissectors, packet)
  if (dissection !== undefined) return TerminalText.escape(dissection.summary)
  const { bytes, kind } = packet
  const flag = flagNames[kind]
  if (bytes.length === 0) return flag ?? byteCount(0)
  const text = decodeText(bytes)
  const prefix = flag === undefined ? "" : `${flag}, `
  if (text === undefined || text === "") return `${prefix}${byteCount(bytes.length)}`
  const characters = Array.from(text)
  const isWhole = characters.length <= maxQuotedChars && bytes.length <= 256
  const quoted = JSON.stringify(characters.slice(0, maxQuotedChars).join(""))
  return `${prefix}${TerminalText.escape(quoted)}${isWhole ? "" : `... ${byteCount(bytes.length)}`}`
}
