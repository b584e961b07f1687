/** Reading of big-endian numbers, addresses and texts from bytes that may end anywhere. Pure. */
import * as NetAddress from "effect/net/NetAddress"

/** Returns the number of 16 bits at an offset; NaN if it is not within the bytes. */
export const u16 = (bytes: Uint8Array, at: number): number =>
  at + 2 <= bytes.length ? (bytes[at]! << 8) | bytes[at + 1]! : Number.NaN

/** Returns the number of 24 bits at an offset; NaN if it is not within the bytes. */
export const u24 = (bytes: Uint8Array, at: number): number =>
  at + 3 <= bytes.length ? (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]! : Number.NaN

/** Returns the number of 32 bits at an offset; NaN if it is not within the bytes. */
export const u32 = (bytes: Uint8Array, at: number): number =>
  at + 4 <= bytes.length ? u16(bytes, at) * 0x1_0000 + u16(bytes, at + 2) : Number.NaN

/** Decodes bytes as text, each byte a character. */
export const latin1 = (bytes: Uint8Array): string => {
  let text = ""
  for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192))
  return text
}

const decoder = new TextDecoder()

/** Decodes bytes as UTF-8; U+FFFD replaces what is not. */
export const utf8 = (bytes: Uint8Array): string => decoder.decode(bytes)

/** Decodes a text that ends at the first NUL, or with the bytes. */
export const untilNul = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0)
  return utf8(end === -1 ? bytes : bytes.subarray(0, end))
}

/** Formats an address of 4 or 16 bytes; undefined for other lengths. */
export const formatIp = (bytes: Uint8Array): string | undefined =>
  bytes.length === 4
    ? NetAddress.formatIp(NetAddress.ipv4FromBytesUnsafe(bytes))
    : bytes.length === 16
      ? NetAddress.formatIp(NetAddress.ipv6FromBytesUnsafe(bytes))
      : undefined

const hex2 = (byte: number) => byte.toString(16).padStart(2, "0")

/** Formats a hardware address: `02:00:00:00:00:01`. */
export const formatMac = (bytes: Uint8Array): string => Array.from(bytes, hex2).join(":")
