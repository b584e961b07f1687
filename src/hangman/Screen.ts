/** Full-screen drawing of a hangman game: gallows, word, letters and lives. Pure: a view in, lines out. */

import { clip, plain, type Span, type StyledLine } from "../terminal/StyledText.ts"
import * as FriendlyView from "./FriendlyView.ts"

/** Contents of the screen. @category models @since 0.1.0 */
export interface View {
  /** Title line, with the name of the server. */
  readonly title: string
  /** Last view of the server; undefined before the first one. */
  readonly serverView: FriendlyView.View | undefined
  /** Text typed at the prompt so far. */
  readonly typed: string
}

/** Smallest screen on which a game is drawn. @category constants @since 0.1.0 */
export const minSize = { columns: 20, rows: 8 } as const

type Board = FriendlyView.Board

/** Returns the outcome of a board. A game without lives is lost; a complete word with lives left is won. */
const outcomeOf = ({ lives, word }: Board) => (lives <= 0 ? "lost" : word.includes("-") ? undefined : "won")

const alphabet = "abcdefghijklmnopqrstuvwxyz"

/** Returns the span of a letter: upper case if it is in the word, a dot if it is not, lower case if untried. */
const keyboardSpan = (letter: string, { tried, word }: Board): Span =>
  !tried.includes(letter)
    ? { text: letter }
    : word.includes(letter)
      ? { text: letter.toUpperCase(), style: "green" }
      : { text: ".", style: "red" }

const keyboard = (board: Board, perRow: number, gap: string): ReadonlyArray<StyledLine> =>
  Array.from({ length: Math.ceil(alphabet.length / perRow) }, (_, row) =>
    Array.from(alphabet.slice(row * perRow, (row + 1) * perRow), (letter) => keyboardSpan(letter, board)).flatMap(
      (span, at) => (at === 0 ? [span] : [{ text: gap }, span])
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

const outcomeStyles = { won: "green", lost: "red" } as const

/** Returns the word with blanks between its letters, or without them where they do not fit. */
const wordLines = (board: Board, width: number): ReadonlyArray<StyledLine> => {
  const word = board.word.replaceAll("-", "_")
  const spaced = Array.from(word).join(" ")
  const end = outcomeOf(board)
  return wrap(spaced.length <= width ? spaced : word, width).map((text) => [
    { text, style: end === undefined ? "bold" : outcomeStyles[end] }
  ])
}

const livesOf = ({ lives, initialLives }: Board): StyledLine => [
  { text: "lives " },
  { text: `${lives}`, style: lives * 4 <= initialLives ? "red" : "bold" },
  { text: ` of ${initialLives}` }
]

/** Width of the gallows with its margin. */
const gallowsWidth = 13

const sideBySide = (left: ReadonlyArray<string>, right: ReadonlyArray<StyledLine>): ReadonlyArray<StyledLine> =>
  Array.from({ length: Math.max(left.length, right.length) }, (_, at) => [
    { text: `  ${left[at] ?? ""}`.padEnd(gallowsWidth) },
    ...(right[at] ?? [])
  ])

const blank = plain("")

const largeLayout = (title: string, board: Board, columns: number): ReadonlyArray<StyledLine> => {
  const panel = [...wordLines(board, columns - gallowsWidth), blank, livesOf(board), blank, ...keyboard(board, 9, " ")]
  return [
    [{ text: title, style: "bold" }],
    blank,
    ...sideBySide(FriendlyView.gallows(board.lives, board.initialLives), panel)
  ]
}

const compactLayout = (board: Board, columns: number): ReadonlyArray<StyledLine> => [
  ...wordLines(board, columns).slice(0, 2),
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
 * Draws a view on a screen of `columns` by `rows`. Every line fits. On a screen below `minSize`, a message is drawn
 * instead. The text of the view is not escaped: the terminal driver does that.
 *
 * @category drawing
 * @since 0.1.0
 */
export const draw = ({ serverView, title, typed }: View, columns: number, rows: number): ReadonlyArray<StyledLine> => {
  if (columns < minSize.columns || rows < minSize.rows) {
    const text = `too small: needs ${minSize.columns}x${minSize.rows}`
    return wrap(text, Math.max(1, columns))
      .slice(0, Math.max(0, rows))
      .map((part) => clip(plain(part), columns))
  }
  const board = serverView?.board
  const large = board === undefined ? [[{ text: title, style: "bold" as const }]] : largeLayout(title, board, columns)
  const body =
    board === undefined || (columns >= 40 && large.length + 4 <= rows) ? large : compactLayout(board, columns)
  const prompt = serverView === undefined ? "waiting, Esc leaves" : prompts[serverView.prompt](typed)
  const rowsLeft = rows - body.length - 1
  const gap = rowsLeft >= 4 ? [blank] : []
  const outcome = board === undefined ? undefined : outcomeOf(board)
  const messageLines = (serverView?.message ?? [])
    .flatMap((message) => wrap(message, columns))
    .slice(0, Math.max(0, rowsLeft - 2 * gap.length))
  const messages = messageLines.map(
    (text): StyledLine => [{ text, style: outcome === undefined ? "yellow" : outcomeStyles[outcome] }]
  )
  const lines = [...body, ...gap, ...messages, ...gap].slice(0, rows - 1)
  return [...lines, plain(prompt.slice(-columns))].map((line) => clip(line, columns))
}
