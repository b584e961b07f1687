/**
 * File names as text. A name is bytes on the wire and on the disk, mostly UTF-8. In a string, a byte that is not UTF-8
 * is the lone surrogate U+DC00 plus the byte, so that every name can be converted to a string and back unchanged. Pure.
 *
 * **Example** (A name in Latin-1)
 *
 * ```ts
 * import { NameText } from "effect-inet/tftp"
 *
 * const name = NameText.fromBytes(Uint8Array.of(0x63, 0x61, 0x66, 0xe9))
 * name === "caf\udce9" // => true
 * NameText.toBytes(name) // => Uint8Array.of(0x63, 0x61, 0x66, 0xe9)
 * NameText.escape(name) // => "caf\\xe9"
 * ```
 */
import * as Bytes from "effect/Bytes"
import * as TerminalText from "../../network/TerminalText.ts"

/**
 * The sequences of UTF-8 by their first byte: the number of bytes, and the range of the second (RFC 3629, section 4).
 * All further bytes are 0x80 to 0xbf.
 */
const sequences = [
  { first: [0x00, 0x7f], length: 1, second: [0x00, 0xff] },
  { first: [0xc2, 0xdf], length: 2, second: [0x80, 0xbf] },
  { first: [0xe0, 0xe0], length: 3, second: [0xa0, 0xbf] },
  { first: [0xe1, 0xec], length: 3, second: [0x80, 0xbf] },
  { first: [0xed, 0xed], length: 3, second: [0x80, 0x9f] },
  { first: [0xee, 0xef], length: 3, second: [0x80, 0xbf] },
  { first: [0xf0, 0xf0], length: 4, second: [0x90, 0xbf] },
  { first: [0xf1, 0xf3], length: 4, second: [0x80, 0xbf] },
  { first: [0xf4, 0xf4], length: 4, second: [0x80, 0x8f] }
] as const

const isBetween = (byte: number | undefined, [least, most]: readonly [number, number]) =>
  byte !== undefined && byte >= least && byte <= most

/** Returns the number of bytes of the UTF-8 sequence at a position; 0 if there is none. */
const sequenceBytes = (bytes: Uint8Array, at: number): number => {
  const sequence = sequences.find(({ first }) => isBetween(bytes[at], first))
  if (sequence === undefined) return 0
  const { length, second } = sequence
  if (length > 1 && !isBetween(bytes[at + 1], second)) return 0
  for (let i = at + 2; i < at + length; i++) if (!isBetween(bytes[i], [0x80, 0xbf])) return 0
  return length
}

const utf8 = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** Lone surrogates that stand for bytes. The flag `u` leaves those in pairs out. */
const rawBytes = /[\udc80-\udcff]/gu

const byteOf = (raw: string) => raw.charCodeAt(0) & 0xff

/** Converts the bytes of a name to text. @category decoding @since 0.1.0 */
export const fromBytes = (bytes: Uint8Array): string => {
  let text = ""
  let from = 0
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceBytes(bytes, at)
    if (length > 0) {
      at += length
      continue
    }
    text += decoder.decode(bytes.subarray(from, at)) + String.fromCharCode(0xdc00 + bytes[at]!)
    from = ++at
  }
  return text + decoder.decode(bytes.subarray(from))
}

/** Returns true if a name has no bytes other than UTF-8. @category guards @since 0.1.0 */
export const isUtf8 = (text: string): boolean => text.isWellFormed()

/**
 * Converts text to the bytes of a name, the inverse of `fromBytes`. Lone surrogates other than U+DC80 to U+DCFF, which
 * stand for no byte, become U+FFFD.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toBytes = (text: string): Uint8Array =>
  isUtf8(text)
    ? utf8.encode(text)
    : Bytes.concat(
        Array.from(text, (char) => (char.search(rawBytes) === 0 ? Uint8Array.of(byteOf(char)) : utf8.encode(char)))
      )

/**
 * Escapes a name for a terminal or a log: control characters as `TerminalText.escape` does, a byte that is not UTF-8 as
 * `\xe9`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const escape = (text: string): string =>
  TerminalText.escape(text).replaceAll(rawBytes, (raw) => `\\x${byteOf(raw).toString(16)}`)

/**
 * Escapes a name and puts it in quotes. A quote or a backslash in the name gets a backslash.
 *
 * @category formatting
 * @since 0.1.0
 */
export const quote = (text: string): string => `"${escape(text.replaceAll(/["\\]/g, "\\$&"))}"`

/** Characters that a URL contains unescaped: those of `encodeURIComponent`, and the slash between folders. */
const plainInUrl = /^[\w\-.!~*'()/]$/

/**
 * Escapes the bytes of a name for the path of a URL, such as `caf%E9`. Slashes stay.
 *
 * @category formatting
 * @since 0.1.0
 */
export const toUrlPath = (text: string): string =>
  Array.from(toBytes(text), (byte) => {
    const char = String.fromCharCode(byte)
    return plainInUrl.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }).join("")

/**
 * Parses the path of a URL, in which percent escapes are bytes. Returns undefined for an invalid escape, and for a lone
 * surrogate that stands for no byte.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromUrlPath = (path: string): string | undefined => {
  if (/%(?![\dA-Fa-f]{2})|[\ud800-\udc7f\udd00-\udfff]/u.test(path)) return undefined
  const parts = path.split(/%(..)/)
  const bytes = parts.map((part, index) => (index % 2 === 0 ? toBytes(part) : Uint8Array.of(Number.parseInt(part, 16))))
  return fromBytes(Bytes.concat(bytes))
}
