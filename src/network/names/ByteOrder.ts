/**
 * Network byte order is big endian; the host's is its own affair, and here an argument, so that both can be seen on any
 * machine.
 */

/**
 * Which byte of a number comes first in memory: the least (`little`) or the most significant one.
 *
 * @category models
 * @since 0.1.0
 */
export type ByteOrder = "little" | "big"

const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff)

const swap32 = (value: number): number => ((swap16(value) << 16) | swap16(value >>> 16)) >>> 0

/**
 * A 16-bit number from host to network order, as a host of the given order (default `little`) computes it. Higher bits
 * are dropped, as C does.
 *
 * @category conversions
 * @since 0.1.0
 */
export const htons = (value: number, host: ByteOrder = "little"): number =>
  host === "little" ? swap16(value) : value & 0xffff

/** A 32-bit number from host to network order; unsigned. Otherwise as `htons`. @category conversions @since 0.1.0 */
export const htonl = (value: number, host: ByteOrder = "little"): number =>
  host === "little" ? swap32(value) : value >>> 0

/** A 16-bit number from network to host order: the same swap as `htons`. @category conversions @since 0.1.0 */
export const ntohs = htons

/** A 32-bit number from network to host order: the same swap as `htonl`. @category conversions @since 0.1.0 */
export const ntohl = htonl

/**
 * The bytes of an unsigned number of 2 or 4 bytes, in the order they have in memory.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toBytes = (value: number, size: 2 | 4, order: ByteOrder): Uint8Array => {
  const big = Uint8Array.from({ length: size }, (_, i) => value >>> (8 * (size - 1 - i)))
  return order === "big" ? big : big.reverse()
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ")

/**
 * A number byte by byte in both orders: `show(0x1234, 2)` is `{ big: "12 34", little: "34 12" }`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const show = (value: number, size: 2 | 4): Readonly<Record<ByteOrder, string>> => ({
  big: hex(toBytes(value, size, "big")),
  little: hex(toBytes(value, size, "little"))
})
