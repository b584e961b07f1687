/** What a packet says, in one line for people: safe to print, whoever sent it. */
import * as Packet from "../network/Packet.ts"

/** Control characters, and those that turn the direction of writing: a terminal would obey them. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** Text from anywhere, fit for a terminal. @category formatting @since 0.1.0 */
export const safe = (text: string): string =>
  text.replaceAll(unsafe, (one) => `\\u${one.codePointAt(0)!.toString(16).padStart(4, "0")}`)

const bytesOf = (length: number) => (length === 1 ? "1 byte" : `${length} bytes`)

/** A payload that is text reads as one: words and line ends, and the NUL that ends it in C. */
const textOf = (bytes: Uint8Array): string | undefined => {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    // A character cut at the end of a segment, or of what is shown, is no reason not to show the rest.
    const text = utf8.decode(bytes.subarray(0, 256), { stream: true })
    return /[^\P{Cc}\t\r\n]/u.test(text.replace(/\0$/, "")) ? undefined : text
  } catch {
    return undefined
  }
}

const kinds: Readonly<Partial<Record<Packet.Kind, string>>> = {
  syn: "SYN",
  synack: "SYN, ACK",
  ack: "ACK",
  fin: "FIN",
  rst: "RST"
}

/** The most characters of a text that are shown. */
const most = 40

/**
 * What the first dissector that knows the packet says of it; else the flag of an empty segment; else the text of its
 * payload, up to 40 characters; else its length.
 *
 * @category formatting
 * @since 0.1.0
 */
export const summary = (packet: Packet.Packet, dissectors: ReadonlyArray<Packet.Dissector> = []): string => {
  const found = Packet.dissect(dissectors, packet)
  if (found !== undefined) return safe(found.summary)
  const { bytes, kind } = packet
  const flag = kinds[kind]
  if (bytes.length === 0) return flag ?? bytesOf(0)
  const text = textOf(bytes)
  const head = flag === undefined ? "" : `${flag}, `
  if (text === undefined || text === "") return `${head}${bytesOf(bytes.length)}`
  const characters = Array.from(text)
  const isWhole = characters.length <= most && bytes.length <= 256
  const quoted = JSON.stringify(characters.slice(0, most).join(""))
  return `${head}${safe(quoted)}${isWhole ? "" : `... ${bytesOf(bytes.length)}`}`
}
