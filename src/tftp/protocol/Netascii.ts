/**
 * The encoding of text in mode netascii (RFC 1350, section 1; RFC 764). A line ends with CR LF, and a CR on its own is
 * sent as CR NUL. On this host a line ends with LF. Pure; the result does not depend on the chunks.
 */

/** A converter of a stream of bytes. @category models @since 0.1.0 */
export interface Codec {
  /** Converts a chunk into fresh bytes; keeps the first half of a pair that is split between chunks. */
  readonly push: (bytes: Uint8Array) => Uint8Array
  /** Returns the bytes kept, at the end of the stream. */
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
    // The next byte is already NUL.
    else if (byte === CR) at++
  }
  return encoded
}

/**
 * Makes an encoder: LF to CR LF, CR to CR NUL. The result has at most twice the bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const encoder = (): Codec => ({ push: encode, end: () => empty })

/**
 * Makes a decoder: CR LF to LF, CR NUL to CR. A CR before any other byte, or at the end, is kept. The decoder buffers
 * at most one byte.
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
