/** A game of hangman as lines for a screen of any size: gallows, word, letters, lives. Pure: a view in, lines out. */

import { clip, type Line, plain, type Span } from "../terminal/StyledText.ts"
import * as FriendlyView from "./FriendlyView.ts"

/** What there is to see. @category models @since 0.1.0 */
export interface View {
  /** Where the game is played. */
  readonly title: string
  /** What the server has shown last; undefined while it has not. */
  readonly shown: FriendlyView.View | undefined
  /** What is typed at the prompt so far. */
  readonly typed: string
}

/** The smallest screen that a game fits on. @category constants @since 0.1.0 */
export const smallest = { columns: 20, rows: 8 } as const

type Board = FriendlyView.Board

/** The best known way to tell: a word without gaps is over, and only one of the two has a life left. */
const ending = ({ lives, word }: Board) => (lives <= 0 ? "lost" : word.includes("-") ? undefined : "won")

const alphabet = "abcdefghijklmnopqrstuvwxyz"

/** A letter of the keyboard: upper case is right, a dot is wrong. */
const key = (letter: string, { tried, word }: Board): Span =>
  !tried.includes(letter)
    ? { text: letter }
    : word.includes(letter)
      ? { text: letter.toUpperCase(), ink: "green" }
      : { text: ".", ink: "red" }

const keyboard = (board: Board, perRow: number, gap: string): ReadonlyArray<Line> =>
  Array.from({ length: Math.ceil(alphabet.length / perRow) }, (_, row) =>
    Array.from(alphabet.slice(row * perRow, (row + 1) * perRow), (letter) => key(letter, board)).flatMap((span, at) =>
      at === 0 ? [span] : [{ text: gap }, span]
    )
  )

const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (let rest = text; rest !== ""; ) {
    const space = rest.length > width ? rest.lastIndexOf(" ", width) : -1
    const end = rest.length <= width ? rest.length : space > 0 ? space : width
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return lines
}

const inks = { won: "green", lost: "red" } as const

/** The word with gaps, or as it is where they do not fit. */
const spell = (board: Board, width: number): ReadonlyArray<Line> => {
  const word = board.word.replaceAll("-", "_")
  const spaced = Array.from(word).join(" ")
  const end = ending(board)
  return wrap(spaced.length <= width ? spaced : word, width).map((text) => [
    { text, ink: end === undefined ? "bold" : inks[end] }
  ])
}

const livesOf = ({ lives, most }: Board): Line => [
  { text: "lives " },
  { text: `${lives}`, ink: lives * 4 <= most ? "red" : "bold" },
  { text: ` of ${most}` }
]

/** How wide the gallows is, with the room beside it. */
const gallows = 13

const beside = (left: ReadonlyArray<string>, right: ReadonlyArray<Line>): ReadonlyArray<Line> =>
  Array.from({ length: Math.max(left.length, right.length) }, (_, at) => [
    { text: `  ${left[at] ?? ""}`.padEnd(gallows) },
    ...(right[at] ?? [])
  ])

const blank = plain("")

const roomy = (title: string, board: Board, columns: number): ReadonlyArray<Line> => {
  const panel = [...spell(board, columns - gallows), blank, livesOf(board), blank, ...keyboard(board, 9, " ")]
  return [[{ text: title, ink: "bold" }], blank, ...beside(FriendlyView.gallows(board.lives, board.most), panel)]
}

const tight = (board: Board, columns: number): ReadonlyArray<Line> => [
  ...spell(board, columns).slice(0, 2),
  livesOf(board),
  ...keyboard(board, 13, columns >= 25 ? " " : "")
]

const prompts: Readonly<Record<FriendlyView.Prompt, (typed: string) => string>> = {
  name: (typed) => `Your name? ${typed}_`,
  guess: () => "a-z, Esc leaves",
  again: () => "Again? y or n",
  bye: () => "Good bye."
}

/**
 * Draws a view on so many columns and rows; every line fits. The text of the lines is what the view holds: whoever
 * shows it makes it harmless. A screen below the smallest says so instead.
 *
 * @category drawing
 * @since 0.1.0
 */
export const draw = ({ shown, title, typed }: View, columns: number, rows: number): ReadonlyArray<Line> => {
  if (columns < smallest.columns || rows < smallest.rows) {
    const text = `too small: needs ${smallest.columns}x${smallest.rows}`
    return wrap(text, Math.max(1, columns))
      .slice(0, Math.max(0, rows))
      .map((part) => clip(plain(part), columns))
  }
  const board = shown?.board
  const big = board === undefined ? [[{ text: title, ink: "bold" as const }]] : roomy(title, board, columns)
  const body = board === undefined || (columns >= 40 && big.length + 4 <= rows) ? big : tight(board, columns)
  const prompt = shown === undefined ? "waiting, Esc leaves" : prompts[shown.prompt](typed)
  const room = rows - body.length - 1
  const gap = room >= 4 ? [blank] : []
  const end = board === undefined ? undefined : ending(board)
  const said = (shown?.message ?? [])
    .flatMap((message) => wrap(message, columns))
    .slice(0, Math.max(0, room - 2 * gap.length))
  const messages = said.map((text): Line => [{ text, ink: end === undefined ? "yellow" : inks[end] }])
  const lines = [...body, ...gap, ...messages, ...gap].slice(0, rows - 1)
  return [...lines, plain(prompt.slice(-columns))].map((line) => clip(line, columns))
}
