/** CRC32c, the checksum of SCTP and of the PROXY protocol (RFC 4960, appendix B). Pure. */

/** The polynomial 0x1EDC6F41 with its bits reversed: bytes are processed from their lowest bit. */
const reversedPolynomial = 0x82f6_3b78

/** Returns the remainder of a byte. */
const remainderOf = (byte: number): number => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? reversedPolynomial : 0)
  return remainder
}

const remainders = Uint32Array.from({ length: 256 }, (_, byte) => remainderOf(byte))

/** Returns the checksum of bytes, an unsigned number of 32 bits. `before`: that of the bytes before them. */
export const crc32c = (bytes: Uint8Array, before = 0): number => {
  let checksum = before ^ 0xffff_ffff
  for (const byte of bytes) checksum = (checksum >>> 8) ^ remainders[(checksum ^ byte) & 0xff]!
  return (checksum ^ 0xffff_ffff) >>> 0
}
