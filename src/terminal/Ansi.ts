/** What is drawn, as the bytes for a terminal. No text gets there without passing here. */

import type { Ink, Line, Span } from "./StyledText.ts"

const codes: Readonly<Record<Ink, string>> = {
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
 * A text as it can be shown: what is not one column wide everywhere, or steers the terminal, becomes `?`. So a screen
 * that counts characters counts columns.
 */
export const printable = (text: string) =>
  text.replaceAll(
    /[^\u0020-\u007e\u00a1-\u00ac\u00ae-\u02af\u0370-\u0373\u0386-\u03ff\u0400-\u0482\u048a-\u04ff]/g,
    "?"
  )

/** A text of any script and of several lines, without what steers a terminal. */
export const harmless = (text: string) => text.replaceAll(/[^\P{C}\n\t]/gu, "?")

/** The alternate screen without a cursor; and back. */
export const enter = "\u001b[?1049h\u001b[?25l\u001b[2J"
export const leave = "\u001b[0m\u001b[?25h\u001b[?1049l"

const span = ({ ink, text }: Span, coloured: boolean) =>
  ink === undefined || (!coloured && ink !== "reverse" && ink !== "bold")
    ? printable(text)
    : `\u001b[${codes[ink]}m${printable(text)}\u001b[0m`

/** Draws over what is there, line by line, so that nothing flickers. */
export const frame = (lines: ReadonlyArray<Line>, coloured: boolean) =>
  `\u001b[H${lines.map((line) => `${line.map((one) => span(one, coloured)).join("")}\u001b[K`).join("\r\n")}\u001b[J`
