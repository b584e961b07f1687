/** Internet checksums (RFC 1071). */

/** Adds up the 16-bit words of a range of bytes. */
export const sumWords = (bytes: Uint8Array, from: number, to: number, total = 0): number => {
  const even = from + ((to - from) & ~1)
  for (let i = from; i < even; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  return even < to ? total + (bytes[even]! << 8) : total
}

/** Returns the ones' complement of a sum of words. */
export const complement = (total: number): number => {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}
