/**
 * Text format of the friendly dialect: what the server sends, and the parser that clients use.
 *
 * A view is lines of messages, an empty line, the board during a game, and a prompt without a line feed. The text has
 * neither colours nor cursor movements, so that nc, telnet and a log file show the same.
 *
 * ```
 * No x in it.
 *
 *   +---+
 *   |   |
 *   |   O
 *   |
 *   |
 * =====
 * Word   - a - a - -
 * Lives  2 of 10
 * Tried  a e i k o r s t x
 *
 * Your guess?
 * ```
 */

/** The visible state of a game. @category models @since 0.1.0 */
export interface Board {
  /** Letters that were found, and `-` for the others. */
  readonly word: string
  readonly lives: number
  /** Lives at the start of the game. */
  readonly initialLives: number
  /** Letters tried, in alphabetical order. */
  readonly tried: string
}

const prompts = {
  name: "Your name? ",
  guess: "Your guess? ",
  again: "Again (yes/no)? ",
  /** In the last view. The server then closes the connection. */
  bye: "Good bye.\n"
}

/** Input that the server waits for. @category models @since 0.1.0 */
export type Prompt = keyof typeof prompts

/** One response of the server. @category models @since 0.1.0 */
export interface View {
  /** Lines of the message, none of them empty. */
  readonly message: ReadonlyArray<string>
  readonly board?: Board | undefined
  readonly prompt: Prompt
}

const promptNames = Object.keys(prompts) as ReadonlyArray<Prompt>

/** The finished drawing of the gallows. Its parts appear in the order of `parts`, one for each tenth of the lives. */
const figure = ["  +---+", "  |   |", "  |   O", "  |  /|\\", "  |  / \\", "====="]
const parts: ReadonlyArray<readonly [row: number, from: number, to: number]> = [
  [5, 0, 5],
  [4, 0, 3],
  [3, 0, 3],
  [2, 0, 3],
  [1, 0, 3],
  [0, 0, 7],
  [1, 3, 7],
  [2, 3, 7],
  [3, 3, 8],
  [4, 3, 8]
]

/**
 * Returns the drawing for `lives` of `initialLives`: empty with all lives, complete with 0.
 *
 * @category getters
 * @since 0.1.0
 */
export const gallows = (lives: number, initialLives: number): ReadonlyArray<string> => {
  const visibleParts = Math.floor(((initialLives - lives) * parts.length) / initialLives)
  return figure.map((line, row) =>
    parts
      .slice(0, visibleParts)
      .flatMap(([of, from, to]) => (of === row ? [line.slice(from, to)] : []))
      .join("")
      .trimEnd()
  )
}

const spaced = (letters: string) => (letters === "" ? "none" : Array.from(letters).join(" "))

const boardLines = ({ lives, initialLives, tried, word }: Board) => [
  ...gallows(lives, initialLives),
  `Word   ${spaced(word)}`,
  `Lives  ${lives} of ${initialLives}`,
  `Tried  ${spaced(tried)}`,
  ""
]

/** Encodes a view. Only a view with the prompt `bye` ends with a line feed. @category encoding @since 0.1.0 */
export const render = ({ board, message, prompt }: View): string =>
  [...message, "", ...(board === undefined ? [] : boardLines(board)), prompts[prompt]].join("\n")

const unspaced = (letters: string) => (letters === "none" ? "" : letters.replaceAll(" ", ""))

const readBoard = (lines: ReadonlyArray<string>): Board | undefined => {
  const [word, lives, tried] = lines.slice(figure.length)
  const left = /^Lives {2}(\d+) of (\d+)$/.exec(lives ?? "")
  if (left === null || !word!.startsWith("Word   ") || !tried?.startsWith("Tried  ")) return undefined
  return {
    word: unspaced(word!.slice(7)),
    lives: Number(left[1]),
    initialLives: Number(left[2]),
    tried: unspaced(tried.slice(7))
  }
}

const promptAt = (text: string, at: number) => promptNames.find((name) => text.startsWith(prompts[name], at))

/**
 * Parses the first view of the text received so far. Returns it with the rest of the text, or undefined if the text
 * does not begin with a complete view.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseFirst = (text: string): readonly [View, rest: string] | undefined => {
  const blankLineAt = text.startsWith("\n") ? 0 : text.indexOf("\n\n") + 1
  if (blankLineAt === 0 && !text.startsWith("\n")) return undefined
  const message = blankLineAt === 0 ? [] : text.slice(0, blankLineAt - 1).split("\n")
  const next = blankLineAt + 1
  const promptWithoutBoard = promptAt(text, next)
  if (promptWithoutBoard !== undefined)
    return [{ message, prompt: promptWithoutBoard }, text.slice(next + prompts[promptWithoutBoard].length)]
  const lines = text.slice(next).split("\n", figure.length + 4)
  const board = readBoard(lines)
  const at = next + lines.join("\n").length + 1
  const prompt = promptAt(text, at)
  if (board === undefined || prompt === undefined) return undefined
  return [{ message, board, prompt }, text.slice(at + prompts[prompt].length)]
}

/** Parses a text that is exactly one view; undefined for any other text. @category decoding @since 0.1.0 */
export const parse = (text: string): View | undefined => {
  const first = parseFirst(text)
  return first?.[1] === "" ? first[0] : undefined
}
