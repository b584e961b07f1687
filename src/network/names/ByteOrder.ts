/**
 * Host and network byte order. Network order is big endian; the host's order is an argument, so that both can be seen
 * on any machine.
 *
 * **Example** (A port in memory)
 *
 * ```ts
 * import { ByteOrder } from "effect-inet/network"
 *
 * ByteOrder.htons(0x1234, "little") // => 0x3412
 * ByteOrder.htons(0x1234, "big") // => 0x1234
 * ByteOrder.show(0x1234, 2) // => { big: "12 34", little: "34 12" }
 * ```
 */

/**
 * Order of the bytes of a number in memory: least significant first (`little`) or most significant first (`big`).
 *
 * @category models
 * @since 0.1.0
 */
export type ByteOrder = "little" | "big"

const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff)

const swap32 = (value: number): number => ((swap16(value) << 16) | swap16(value >>> 16)) >>> 0

/**
 * Converts a 16-bit number from host to network order, for a host of the given order (default `little`). Higher bits
 * are dropped, as in C.
 *
 * @category conversions
 * @since 0.1.0
 */
export const htons = (value: number, host: ByteOrder = "little"): number =>
  host === "little" ? swap16(value) : value & 0xffff

/**
 * Converts a 32-bit number from host to network order, unsigned; otherwise as `htons`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const htonl = (value: number, host: ByteOrder = "little"): number =>
  host === "little" ? swap32(value) : value >>> 0

/** Converts a 16-bit number from network to host order: the same swap as `htons`. @category conversions @since 0.1.0 */
export const ntohs = htons

/** Converts a 32-bit number from network to host order: the same swap as `htonl`. @category conversions @since 0.1.0 */
export const ntohl = htonl

/** Returns the bytes of an unsigned number of 2 or 4 bytes, in memory order. @category conversions @since 0.1.0 */
export const toBytes = (value: number, size: 2 | 4, order: ByteOrder): Uint8Array => {
  const big = Uint8Array.from({ length: size }, (_, i) => value >>> (8 * (size - 1 - i)))
  return order === "big" ? big : big.reverse()
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ")

/**
 * Formats a number as hexadecimal bytes in both orders: `show(0x1234, 2)` is `{ big: "12 34", little: "34 12" }`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const show = (value: number, size: 2 | 4): Readonly<Record<ByteOrder, string>> => ({
  big: hex(toBytes(value, size, "big")),
  little: hex(toBytes(value, size, "little"))
})
