/** SHA-1 (FIPS 180-4), without the platform's promises: the handshake of WebSocket needs it, and nothing secret. */

const blockBytes = 64

/** Appends the bit 1, zeros, and the length in bits. */
const pad = (message: Uint8Array) => {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / blockBytes) * blockBytes)
  padded.set(message)
  padded[message.length] = 0x80
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(message.length) * 8n)
  return new DataView(padded.buffer)
}

const rotate = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits))

/** Function and constant of each of the four groups of rounds. */
const rounds = [
  [(b: number, c: number, d: number) => (b & c) | (~b & d), 0x5a827999],
  [(b: number, c: number, d: number) => b ^ c ^ d, 0x6ed9eba1],
  [(b: number, c: number, d: number) => (b & c) | (b & d) | (c & d), 0x8f1bbcdc],
  [(b: number, c: number, d: number) => b ^ c ^ d, 0xca62c1d6]
] as const

/** Returns the digest of a message, 20 bytes. */
export const digest = (message: Uint8Array): Uint8Array<ArrayBuffer> => {
  const blocks = pad(message)
  const hash = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]
  const words = new Int32Array(80)
  for (let start = 0; start < blocks.byteLength; start += blockBytes) {
    for (let at = 0; at < 80; at++) {
      words[at] =
        at < 16
          ? blocks.getInt32(start + 4 * at)
          : rotate(words[at - 3]! ^ words[at - 8]! ^ words[at - 14]! ^ words[at - 16]!, 1)
    }
    let [a, b, c, d, e] = hash as [number, number, number, number, number]
    for (let at = 0; at < 80; at++) {
      const [mix, constant] = rounds[Math.floor(at / 20)]!
      const sum = (rotate(a, 5) + mix(b, c, d) + e + constant + words[at]!) | 0
      ;[a, b, c, d, e] = [sum, a, rotate(b, 30), c, d]
    }
    for (const [at, word] of [a, b, c, d, e].entries()) hash[at] = (hash[at]! + word) | 0
  }
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  for (const [at, word] of hash.entries()) view.setInt32(4 * at, word)
  return bytes
}
