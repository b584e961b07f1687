/** Conversion of line ends for `--crlf`. Pure. */

const carriageReturnByte = 13
const lineFeedByte = 10

/**
 * Replaces each LF by CR LF, unless it has its CR already. `previousByte` is the last byte of the chunk before.
 */
export const toCrlf = (bytes: Uint8Array, previousByte: number | undefined): Uint8Array => {
  const isBare = (at: number) =>
    bytes[at] === lineFeedByte && (at === 0 ? previousByte : bytes[at - 1]) !== carriageReturnByte
  let count = 0
  for (let at = bytes.indexOf(lineFeedByte); at >= 0; at = bytes.indexOf(lineFeedByte, at + 1))
    count += Number(isBare(at))
  if (count === 0) return bytes
  const converted = new Uint8Array(bytes.length + count)
  let to = 0
  for (let at = 0; at < bytes.length; at++) {
    if (isBare(at)) converted[to++] = carriageReturnByte
    converted[to++] = bytes[at]!
  }
  return converted
}

/** Creates a converter of the chunks of one stream. */
export const converter = () => {
  let previousByte: number | undefined
  return (bytes: Uint8Array): Uint8Array => {
    const converted = toCrlf(bytes, previousByte)
    if (bytes.length > 0) previousByte = bytes[bytes.length - 1]
    return converted
  }
}
