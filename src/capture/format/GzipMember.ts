/** Header and trailer of a member of a gzip file (RFC 1952, 2.3). */

/** Bits of the flags in a header. */
const flags = { headerChecksum: 2, extra: 4, name: 8, comment: 16 } as const

/** Length of the trailer: a checksum and the length of the content. */
export const trailerBytes = 8

/** Maximum length of a header: a name has no end otherwise. */
export const maxHeaderBytes = 2 ** 18

/** Returns the length of the header at the start of `bytes`; undefined if more bytes are needed. */
export const headerLength = (bytes: Uint8Array): number | undefined => {
  if (bytes.length < 10) return undefined
  const flag = bytes[3]!
  let at = 10
  if ((flag & flags.extra) !== 0) {
    if (bytes.length < at + 2) return undefined
    at += 2 + (bytes[at]! | (bytes[at + 1]! << 8))
  }
  for (const text of [flags.name, flags.comment]) {
    if ((flag & text) === 0) continue
    const end = bytes.indexOf(0, at)
    if (end < 0) return undefined
    at = end + 1
  }
  if ((flag & flags.headerChecksum) !== 0) at += 2
  return bytes.length < at ? undefined : at
}

/** Returns the checksum and the length, modulo 2^32, of the content. */
export const readTrailer = (bytes: Uint8Array): { readonly crc: number; readonly length: number } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, trailerBytes)
  return { crc: view.getUint32(0, true), length: view.getUint32(4, true) }
}
