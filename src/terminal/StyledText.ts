/** Lines for a screen, as the clients of line protocols draw them: text, and how parts of it look. */

/** How a part of a line looks; without colours the text says the same. @category models @since 0.1.0 */
export type Ink = "bold" | "dim" | "reverse" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan"

/** A part of a line. @category models @since 0.1.0 */
export interface Span {
  readonly text: string
  readonly ink?: Ink | undefined
}

/** Parts from left to right. @category models @since 0.1.0 */
export type Line = ReadonlyArray<Span>

/** A line of text alone. @category constructors @since 0.1.0 */
export const plain = (text: string): Line => [{ text }]

/** What of a line fits into so many columns. @category combinators @since 0.1.0 */
export const clip = (line: Line, columns: number): Line => {
  let room = columns
  const kept: Array<Span> = []
  for (const one of line) {
    const text = one.text.slice(0, room)
    room -= text.length
    if (text !== "") kept.push({ ...one, text })
  }
  return kept
}
