/** Escape sequences for a full-screen terminal. All text that a full-screen program draws is made safe here. */

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
 * number of characters of the result is then its number of columns. `replaceControlCharacters` keeps wide characters
 * and line feeds; `TerminalText.escape` of the network module writes `\u001b` in the place of a control character.
 */
export const toSingleWidth = (text: string) =>
  text.replaceAll(
    /[^\u0020-\u007e\u00a1-\u00ac\u00ae-\u02af\u0370-\u0373\u0386-\u03ff\u0400-\u0482\u048a-\u04ff]/g,
    "?"
  )

/** Replaces control and format characters by `?`, except line feed and tab. Text of any script passes. */
export const replaceControlCharacters = (text: string) => text.replaceAll(/[^\P{C}\n\t]/gu, "?")

/** Switches to the alternate screen, hides the cursor and clears the screen. */
export const enterAlternateScreen = "\u001b[?1049h\u001b[?25l\u001b[2J"
/** Resets the style, shows the cursor and returns to the main screen. */
export const leaveAlternateScreen = "\u001b[0m\u001b[?25h\u001b[?1049l"

const renderSpan = ({ style, text }: Span, coloured: boolean) =>
  style === undefined || (!coloured && style !== "reverse" && style !== "bold")
    ? toSingleWidth(text)
    : `\u001b[${sgrCodes[style]}m${toSingleWidth(text)}\u001b[0m`

/** Encodes a whole screen. Each line overwrites the previous one instead of clearing it first, which avoids flicker. */
export const frame = (lines: ReadonlyArray<StyledLine>, coloured: boolean) =>
  `\u001b[H${lines.map((line) => `${line.map((span) => renderSpan(span, coloured)).join("")}\u001b[K`).join("\r\n")}\u001b[J`
