/** Escape sequences for a terminal. All text that a full-screen program draws is made safe here. */

import type { Span, Style, StyledLine } from "./StyledText.ts"

/** Parameters of SGR, "select graphic rendition" (ECMA-48, 8.3.117). */
const sgrCodes: Readonly<Record<Style, string>> = {
  bold: "1",
  dim: "2",
  reverse: "7",
  red: "1;31",
  green: "1;32",
  yellow: "33",
  blue: "34",
  magenta: "35",
  cyan: "36"
}

/**
 * Replaces every character that is not one column wide on all terminals, or that controls the terminal, by `?`. The
 * number of characters of the result is then its number of columns. Other output has `TerminalText.escape` of the
 * network module, which writes `\u001b` in the place of a control character.
 */
export const toSingleWidth = (text: string) =>
  text.replaceAll(
    /[^\u0020-\u007e\u00a1-\u00ac\u00ae-\u02af\u0370-\u0373\u0386-\u03ff\u0400-\u0482\u048a-\u04ff]/g,
    "?"
  )

/**
 * Switches to the alternate screen, hides the cursor and clears the screen. Lines that are too long are cut and not
 * wrapped: between a change of the size and the next frame, wrapped lines would scroll the screen.
 */
export const enterAlternateScreen = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J"
/** Resets the style, wraps lines again, shows the cursor and returns to the main screen. */
export const leaveAlternateScreen = "\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l"

const renderSpan = ({ style, text }: Span, coloured: boolean) =>
  style === undefined || (!coloured && style !== "reverse" && style !== "bold")
    ? toSingleWidth(text)
    : `\u001b[${sgrCodes[style]}m${toSingleWidth(text)}\u001b[0m`

const lengthOf = (line: StyledLine) => line.reduce((length, { text }) => length + text.length, 0)

const clearLine = "\u001b[K"
const clearBelow = "\u001b[J"

/**
 * Encodes a whole screen of at most `columns` by `rows`. Each line overwrites the previous one, and only its rest is
 * cleared, which avoids flicker. A line that fills its row has no rest: clearing would erase its last character, on
 * which the cursor stays.
 */
export const frame = (lines: ReadonlyArray<StyledLine>, columns: number, rows: number, coloured: boolean) => {
  const isFull = (line: StyledLine) => lengthOf(line) >= columns
  const rendered = lines.map((line) => {
    const text = line.map((span) => renderSpan(span, coloured)).join("")
    return isFull(line) ? text : `${text}${clearLine}`
  })
  const last = lines.at(-1)
  if (last === undefined || !isFull(last)) return `\u001b[H${rendered.join("\r\n")}${clearBelow}`
  if (lines.length < rows) return `\u001b[H${rendered.join("\r\n")}\r\n${clearBelow}`
  return `\u001b[H${rendered
    .slice(0, -1)
    .map((line) => `${line}\r\n`)
    .join("")}${clearBelow}${rendered.at(-1)}`
}

/**
 * Encodes a line that replaces the current one, of `shownLength` characters. A terminal that was made narrower has
 * wrapped that one into several rows, which are all cleared.
 */
export const replaceLine = (line: string, shownLength: number, columns: number) => {
  const rowsAbove = Math.max(0, Math.ceil(shownLength / columns) - 1)
  return `${rowsAbove === 0 ? "" : `\u001b[${rowsAbove}A`}\r${clearBelow}${line}`
}
