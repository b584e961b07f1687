/**
 * What a player of the friendly dialect sees, as text that a program can read back.
 *
 * A view is lines of messages, an empty line, the board while there is one, and a prompt that stays on its line. There
 * are no colours and no cursor movements, so that nc, telnet and a log file show the same.
 *
 * ```
 * There is no x.
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

/** A game as its player knows it. @category models @since 0.1.0 */
export interface Board {
  /** Letters, and `-` for those that are not known. */
  readonly word: string
  readonly lives: number
  /** Lives at the beginning. */
  readonly most: number
  /** The letters tried, in the order of the alphabet. */
  readonly tried: string
}

const prompts = {
  name: "Your name? ",
  guess: "Your guess? ",
  again: "Again (yes/no)? ",
  /** The last view: nothing is asked any more. */
  bye: "Good bye.\n"
}

/** What the server waits for. @category models @since 0.1.0 */
export type Prompt = keyof typeof prompts

/** What a player is shown at a time. @category models @since 0.1.0 */
export interface View {
  /** Lines, none of them empty. */
  readonly message: ReadonlyArray<string>
  readonly board?: Board | undefined
  readonly prompt: Prompt
}

const names = Object.keys(prompts) as ReadonlyArray<Prompt>

/** The finished figure, and the order in which its parts appear: one for each tenth of the lives. */
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
 * The gallows when so many of the lives are left: nothing at first, the whole figure at 0.
 *
 * @category getters
 * @since 0.1.0
 */
export const gallows = (lives: number, most: number): ReadonlyArray<string> => {
  const shown = Math.floor(((most - lives) * parts.length) / most)
  return figure.map((line, row) =>
    parts
      .slice(0, shown)
      .flatMap(([of, from, to]) => (of === row ? [line.slice(from, to)] : []))
      .join("")
      .trimEnd()
  )
}

const spaced = (letters: string) => (letters === "" ? "none" : Array.from(letters).join(" "))

const boardLines = ({ lives, most, tried, word }: Board) => [
  ...gallows(lives, most),
  `Word   ${spaced(word)}`,
  `Lives  ${lives} of ${most}`,
  `Tried  ${spaced(tried)}`,
  ""
]

/** A view as text; only `bye` ends with a line feed. @category encoding @since 0.1.0 */
export const render = ({ board, message, prompt }: View): string =>
  [...message, "", ...(board === undefined ? [] : boardLines(board)), prompts[prompt]].join("\n")

const closed = (letters: string) => (letters === "none" ? "" : letters.replaceAll(" ", ""))

const readBoard = (lines: ReadonlyArray<string>): Board | undefined => {
  const [word, lives, tried] = lines.slice(figure.length)
  const left = /^Lives {2}(\d+) of (\d+)$/.exec(lives ?? "")
  if (left === null || !word!.startsWith("Word   ") || !tried?.startsWith("Tried  ")) return undefined
  return { word: closed(word!.slice(7)), lives: Number(left[1]), most: Number(left[2]), tried: closed(tried.slice(7)) }
}

const promptAt = (text: string, at: number) => names.find((name) => text.startsWith(prompts[name], at))

/**
 * The first view of what a server has sent, and what follows it; undefined while it is not complete, or not a view.
 *
 * @category decoding
 * @since 0.1.0
 */
export const take = (text: string): readonly [View, rest: string] | undefined => {
  const gap = text.startsWith("\n") ? 0 : text.indexOf("\n\n") + 1
  if (gap === 0 && !text.startsWith("\n")) return undefined
  const message = gap === 0 ? [] : text.slice(0, gap - 1).split("\n")
  const next = gap + 1
  const early = promptAt(text, next)
  if (early !== undefined) return [{ message, prompt: early }, text.slice(next + prompts[early].length)]
  const lines = text.slice(next).split("\n", figure.length + 4)
  const board = readBoard(lines)
  const at = next + lines.join("\n").length + 1
  const prompt = promptAt(text, at)
  if (board === undefined || prompt === undefined) return undefined
  return [{ message, board, prompt }, text.slice(at + prompts[prompt].length)]
}

/** The view that a text is, which `render` made. @category decoding @since 0.1.0 */
export const parse = (text: string): View | undefined => {
  const taken = take(text)
  return taken?.[1] === "" ? taken[0] : undefined
}
