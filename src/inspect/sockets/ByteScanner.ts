/**
 * Scanner of numbers in lines of ASCII text. It reads the bytes of a file as they are, without strings: tables of the
 * kernel have ten thousands of lines.
 */

const lineFeedByte = 0x0a
const spaceByte = 0x20

/** Position in the bytes of a table. All methods stay within the current line, and none throws. */
export class ByteScanner {
  readonly bytes: Uint8Array
  /** Index of the next byte. */
  at = 0
  /** Index of the end of the current line. */
  lineEnd = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.lineEnd = this.findLineEnd(0)
  }

  /** Returns the index of the next LF, or of the end of the bytes. */
  private findLineEnd(from: number): number {
    const found = this.bytes.indexOf(lineFeedByte, from)
    return found === -1 ? this.bytes.length : found
  }

  /** Moves to the start of the next line. Returns false at the end of the bytes. */
  nextLine(): boolean {
    this.at = this.lineEnd + 1
    if (this.at >= this.bytes.length) return false
    this.lineEnd = this.findLineEnd(this.at)
    return true
  }

  /** Returns true if the current line ends with an LF: the last line of a truncated file does not. */
  get isTerminated(): boolean {
    return this.lineEnd < this.bytes.length
  }

  /** Moves behind spaces. */
  skipSpaces(): void {
    while (this.at < this.lineEnd && this.bytes[this.at] === spaceByte) this.at++
  }

  /** Moves behind the next word. */
  skipWord(): void {
    this.skipSpaces()
    while (this.at < this.lineEnd && this.bytes[this.at] !== spaceByte) this.at++
  }

  /** Moves behind one byte. Returns false, and stays, if another one is next. */
  accept(byte: number): boolean {
    if (this.at >= this.lineEnd || this.bytes[this.at] !== byte) return false
    this.at++
    return true
  }

  /** Reads hexadecimal digits, at most `maxDigits`; -1 if there are none. */
  hex(maxDigits: number): number {
    const { bytes } = this
    const end = Math.min(this.lineEnd, this.at + maxDigits)
    const start = this.at
    let value = 0
    let at = start
    for (; at < end; at++) {
      const digit = hexDigits[bytes[at]!]!
      if (digit === noDigitValue) break
      value = value * 16 + digit
    }
    this.at = at
    return at === start ? -1 : value
  }

  /** Moves behind spaces and reads a decimal number, which may be negative; NaN if there is none. */
  decimal(): number {
    this.skipSpaces()
    const isNegative = this.accept(0x2d)
    const { bytes, lineEnd } = this
    const start = this.at
    let value = 0
    let at = start
    for (; at < lineEnd; at++) {
      const digit = bytes[at]! - 0x30
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    this.at = at
    if (at === start) return Number.NaN
    return isNegative ? -value : value
  }

  /** Returns true at the end of a word: before a space, or at the end of the line. */
  get isAtWordEnd(): boolean {
    return this.at >= this.lineEnd || this.bytes[this.at] === spaceByte
  }
}

const noDigitValue = 0xff

/** Value of each byte as a hexadecimal digit. */
const hexDigits = (() => {
  const values = new Uint8Array(256).fill(noDigitValue)
  for (let digit = 0; digit < 10; digit++) values[0x30 + digit] = digit
  for (let digit = 10; digit < 16; digit++) {
    values[0x41 + digit - 10] = digit
    values[0x61 + digit - 10] = digit
  }
  return values
})()
