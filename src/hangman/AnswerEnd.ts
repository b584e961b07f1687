/**
 * Ends of the answers of a hangman server, in any dialect. Pure.
 *
 * A client that reads lines from a file or a pipe sends the next one when it has the whole answer to the one before.
 *
 * **Example** (The first answer of the course's server)
 *
 * ```ts
 * import { AnswerEnd } from "effect-inet/hangman"
 *
 * AnswerEnd.takeFirst(" ------   12") // => undefined
 * AnswerEnd.takeFirst(" ------   12\n") // => { rest: "", isLast: false }
 * AnswerEnd.takeFirst(" banana   0\n") // => { rest: "", isLast: true }
 * ```
 */
import * as FriendlyView from "./FriendlyView.ts"

/** An answer at the start of a text. @category models @since 0.1.0 */
export interface Answer {
  /** The text after the answer. */
  readonly rest: string
  /** True if the game is over and the server takes no more lines. */
  readonly isLast: boolean
}

/** Line of the dialect `course`, and of the dialect `book`, which has a banner before its first line. */
const classicLines = [
  /^ (?<word>[^ \n]+) {3}(?<lives>\d+)\r?\n/,
  /^(?:Playing hangman on host[^\n]*\n \n)?(?<word>[^ \n]+) (?<lives>\d+) \n/
]

/**
 * Returns the answer at the start of a text, or undefined if the text has no complete one.
 *
 * @category decoding
 * @since 0.1.0
 */
export const takeFirst = (text: string): Answer | undefined => {
  for (const pattern of classicLines) {
    const found = pattern.exec(text)
    if (found === null) continue
    const { lives, word } = found.groups as { readonly word: string; readonly lives: string }
    return { rest: text.slice(found[0].length), isLast: !word.includes("-") || Number(lives) === 0 }
  }
  const [view, rest] = FriendlyView.parseFirst(text) ?? []
  return view === undefined ? undefined : { rest: rest!, isLast: view.prompt === "bye" }
}
