/** What a packet says, in one line for people: safe to print, whoever sent it. */
import * as Packet from "../network/Packet.ts"
import * as TerminalText from "../network/TerminalText.ts"

const byteCount = (length: number) => (length === 1 ? "1 byte" : `${length} bytes`)

/** A payload that is text reads as one: words and line ends, and the NUL that ends it in C. */
const decodeText = (bytes: Uint8Array): string | undefined => {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    // A character cut at the end of a segment, or of what is shown, is no reason not to show the rest.
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

/** The most characters of a text that are shown. */
const maxQuotedChars = 40

/**
 * What the first dissector that knows the packet says of it; else the flag of an empty segment; else the text of its
 * payload, up to 40 characters; else its length.
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
