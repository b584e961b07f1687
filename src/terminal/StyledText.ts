/**
 * Lines of text with styles, for programs that draw on a terminal. The module is pure: `draw` functions return styled
 * lines, which tests compare as values.
 *
 * **Example** (A styled line cut to the width of the screen)
 *
 * ```ts
 * import { StyledText } from "effect-inet/terminal"
 *
 * const line: StyledText.StyledLine = [
 *   { text: "lives " },
 *   { text: "2", style: "red" },
 *   { text: " of 10" }
 * ]
 *
 * StyledText.clip(line, 9) // => [{ text: "lives " }, { text: "2", style: "red" }, { text: " o" }]
 * StyledText.plain("bye") // => [{ text: "bye" }]
 * ```
 */

/** Style of a span. Colours are optional: the text alone carries the information. @category models @since 0.1.0 */
export type Style = "bold" | "dim" | "reverse" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan"

/** Part of a line with one style. @category models @since 0.1.0 */
export interface Span {
  readonly text: string
  readonly style?: Style | undefined
}

/** Spans of a line, from left to right. @category models @since 0.1.0 */
export type StyledLine = ReadonlyArray<Span>

/** Returns a line with one span without a style. @category constructors @since 0.1.0 */
export const plain = (text: string): StyledLine => [{ text }]

/** Truncates a line to `columns`. Every character counts as one column. @category combinators @since 0.1.0 */
export const clip = (line: StyledLine, columns: number): StyledLine => {
  let columnsLeft = columns
  const spans: Array<Span> = []
  for (const span of line) {
    const text = span.text.slice(0, columnsLeft)
    columnsLeft -= text.length
    if (text !== "") spans.push({ ...span, text })
  }
  return spans
}
