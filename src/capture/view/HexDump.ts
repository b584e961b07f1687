/** Bytes as lines of a hex dump, as those of `hexdump -C`. Pure. */

/** Bytes of a line. */
const lineBytes = 16

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0")

const isPrintable = (byte: number) => byte >= 0x20 && byte < 0x7f

/** Returns the lines: offset from `start`, bytes in hexadecimal, and the printable characters. */
export const lines = (bytes: Uint8Array, start = 0): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(bytes.length / lineBytes) }, (_, line) => {
    const part = bytes.subarray(line * lineBytes, (line + 1) * lineBytes)
    const halves = [part.subarray(0, 8), part.subarray(8)].map((half) =>
      Array.from(half, (byte) => hex(byte, 2))
        .join(" ")
        .padEnd(23)
    )
    const text = Array.from(part, (byte) => (isPrintable(byte) ? String.fromCharCode(byte) : ".")).join("")
    return `${hex(start + line * lineBytes, 8)}  ${halves.join("  ")}  |${text}|`
  })
