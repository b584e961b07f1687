/** Hex dump of both directions of a session. Pure. */

const bytesPerLine = 16

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0")

const isPrintable = (byte: number) => byte >= 0x20 && byte < 0x7f

const line = (mark: string, offset: number, bytes: Uint8Array) => {
  const columns = [bytes.subarray(0, 8), bytes.subarray(8)]
    .map((half) =>
      Array.from(half, (byte) => hex(byte, 2))
        .join(" ")
        .padEnd(23)
    )
    .join("  ")
  const characters = Array.from(bytes, (byte) => (isPrintable(byte) ? String.fromCharCode(byte) : ".")).join("")
  return `${mark} ${hex(offset, 8)}  ${columns}  |${characters}|\n`
}

/**
 * Formats bytes as `hexdump -C` does, each line after a mark: `>` for sent and `<` for received bytes.
 *
 * `offset` is the number of bytes of this direction before them. Characters outside of ASCII are shown as `.`.
 */
export const format = (mark: "<" | ">", offset: number, bytes: Uint8Array): string => {
  let text = ""
  for (let from = 0; from < bytes.length; from += bytesPerLine) {
    text += line(mark, offset + from, bytes.subarray(from, from + bytesPerLine))
  }
  return text
}
