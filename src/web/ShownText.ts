/** Escaping of text that this process did not write, for the page. Pure. */
import * as TerminalText from "../network/TerminalText.ts"

/** Marks on a character. More draw over the lines above and below, and writing systems hardly need them. */
const maxMarks = 2

/** Marks in a row, and characters without a glyph between them. */
const markRuns = /[\p{M}\p{Cf}]{3,}/gu

const escapeMark = (mark: string) => `\\u${mark.codePointAt(0)!.toString(16).padStart(4, "0")}`

const escapeRun = (run: string): string => {
  let marks = 0
  return run.replaceAll(/\p{M}/gu, (mark) => (++marks <= maxMarks ? mark : escapeMark(mark)))
}

/** Escapes control characters as `TerminalText.escape` does, and the marks on a character after its second one. */
export const line = (text: string): string => TerminalText.escape(text).replaceAll(markRuns, escapeRun)

/** Escapes a text as `line` does, and cuts it to a number of characters. */
export const short = (text: string, maxChars: number): string =>
  TerminalText.truncate(line(text), maxChars).toWellFormed()
