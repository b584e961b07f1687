/**
 * Text as it travels in mode netascii (RFC 1350, 1; RFC 764): a line ends with CR LF, a CR that is just a CR is CR NUL.
 * Here a line ends with LF. Pure; whatever the chunks, the bytes are the same.
 */

/** Turns a stream of bytes, chunk by chunk. @category models @since 0.1.0 */
export interface Codec {
  /** What the chunk becomes, in fresh bytes; a pair cut in the middle is held. */
  readonly push: (bytes: Uint8Array) => Uint8Array
  /** What was held, at the end of the stream. */
  readonly end: () => Uint8Array
}

const NUL = 0
const LF = 10
const CR = 13

const empty = new Uint8Array(0)

const encode = (bytes: Uint8Array): Uint8Array => {
  let pairs = 0
  for (const byte of bytes) if (byte === CR || byte === LF) pairs++
  const encoded = new Uint8Array(bytes.length + pairs)
  let at = 0
  for (const byte of bytes) {
    encoded[at++] = byte === LF ? CR : byte
    if (byte === LF) encoded[at++] = LF
    // A NUL is there already.
    else if (byte === CR) at++
  }
  return encoded
}

/**
 * Text of this host to netascii: LF to CR LF, CR to CR NUL, up to twice as many bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const encoder = (): Codec => ({ push: encode, end: () => empty })

/**
 * Netascii to text of this host: CR LF to LF, CR NUL to CR. Another byte after a CR is kept, and the CR too, as is one
 * at the very end. Holds at most one byte.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decoder = (): Codec => {
  let afterCr = false
  return {
    push: (bytes) => {
      const decoded = new Uint8Array(bytes.length + 1)
      let at = 0
      for (const byte of bytes) {
        if (afterCr && byte !== LF) decoded[at++] = CR
        if (byte !== CR && !(afterCr && byte === NUL)) decoded[at++] = byte
        afterCr = byte === CR
      }
      return decoded.subarray(0, at)
    },
    end: () => {
      const held = afterCr ? Uint8Array.of(CR) : empty
      afterCr = false
      return held
    }
  }
}
