/**
 * Hangman that a browser plays: views of the friendly dialect as they are, and the lines of any other dialect. Pure.
 */
import * as FriendlyView from "../../hangman/FriendlyView.ts"
import * as GameMachine from "./GameMachine.ts"

/** State of a player. */
export interface State {
  /** Text that does not yet make a view. */
  readonly pending: string
  /** The latest view; undefined before the first one. */
  readonly latest: FriendlyView.View | undefined
  /** The latest board, which the views without one, such as the last, do not repeat. */
  readonly board: FriendlyView.Board | undefined
  /** Lines of a server that uses another dialect, with those of the player. */
  readonly lines: ReadonlyArray<string>
}

/** Capacity of the lines that are kept of another dialect. */
const maxLines = 100

/** Longest text without a view that a server of the friendly dialect may send. Views are much shorter. */
const maxPendingChars = 16_384

/** Largest number of messages of a view that the page shows. */
const maxMessages = 40

const initial: State = { pending: "", latest: undefined, board: undefined, lines: [] }

const withLines = (state: State, lines: ReadonlyArray<string>): State => ({
  ...state,
  lines: [...state.lines, ...lines.map(GameMachine.showLine)].slice(-maxLines)
})

const onView = (state: State, latest: FriendlyView.View, rest: string): State => ({
  pending: rest,
  latest,
  board: latest.board ?? (latest.prompt === "bye" ? state.board : undefined),
  lines: []
})

/** Takes complete views. Text that cannot be one is shown as lines. */
const receive = (before: State, text: string): State => {
  let state: State = { ...before, pending: before.pending + text }
  for (let found = FriendlyView.parseFirst(state.pending); found !== undefined; ) {
    state = onView(state, ...found)
    found = FriendlyView.parseFirst(state.pending)
  }
  if (state.pending.length <= maxPendingChars) return state
  return { ...withLines(state, GameMachine.splitLines(state.pending)[0]), pending: "", latest: undefined }
}

/** Returns the lines of another dialect: those that are kept, and the text that is not a view so far. */
const shownLines = ({ lines, pending }: State) =>
  pending === ""
    ? lines
    : [...lines, ...pending.replace(/\n$/, "").split("\n").map(GameMachine.showLine)].slice(-maxLines)

const say = (state: State, line: string): State =>
  state.latest === undefined
    ? // The line of the player stands between the lines of the server.
      { ...withLines({ ...state, lines: shownLines(state) }, [`> ${line}`]), pending: "" }
    : state

const viewOf = (state: State): GameMachine.PlayView | undefined => {
  const { board, latest } = state
  if (latest === undefined) {
    const lines = shownLines(state)
    return lines.length === 0 ? undefined : { _tag: "Lines", lines }
  }
  return {
    _tag: "Hangman",
    ...(board === undefined ? {} : { word: GameMachine.showLine(board.word) }),
    lives: board?.lives ?? 0,
    initialLives: board?.initialLives ?? 0,
    tried: GameMachine.showLine(board?.tried ?? ""),
    message: latest.message.slice(0, maxMessages).map(GameMachine.showLine),
    prompt: latest.prompt
  }
}

/** Longest line of a player, in bytes: the servers of all dialects take one of 79. */
const maxLineBytes = 79

const utf8 = new TextEncoder()

/** The machine of a player. */
export const machine: GameMachine.GameMachine<State> = {
  initial,
  step: (state, event) => {
    switch (event._tag) {
      case "Opened":
        return [state, ""]
      case "Said":
        return [say(state, event.line), `${event.line}\n`]
      case "Received":
        return [receive(state, event.text), ""]
    }
  },
  problemOf: (_, line) => {
    const { length } = utf8.encode(line)
    return length > maxLineBytes ? `the line is too long: ${length} bytes, at most ${maxLineBytes}` : undefined
  },
  view: viewOf
}
