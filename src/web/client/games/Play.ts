/** State of a game that this browser plays: views of the process and answers to lines in, the state out. Pure. */
import type { GameView } from "../../PageRpc.ts"

/** A view of a game that runs. */
type Running = Exclude<GameView, { readonly _tag: "Started" | "Ended" }>

/** A line for the player. Its number differs from that of the line before, so that the same text is announced again. */
interface Notice {
  readonly number: number
  readonly text: string
  readonly tone: "plain" | "bad"
}

/** State of a game. */
export interface State {
  readonly phase: "starting" | "running" | "ended"
  /** The latest view; undefined before the first one. */
  readonly view: Running | undefined
  /** Number of views so far. */
  readonly views: number
  /** The latest line for the player: a refused line, or why the game has ended. */
  readonly notice: Notice | undefined
}

/** Input of the state. */
export type Event =
  | { readonly _tag: "View"; readonly view: GameView }
  /** The game could not start, or its connection was lost. */
  | { readonly _tag: "Failed"; readonly message: string }
  /** The answer to a line: an error, or undefined. */
  | { readonly _tag: "Said"; readonly error: string | undefined }

/** The state before the first view. */
export const initial: State = { phase: "starting", view: undefined, views: 0, notice: undefined }

const sentence = (text: string) => {
  const trimmed = text.trim()
  return `${trimmed.slice(0, 1).toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? "" : "."}`
}

const withNotice = (state: State, text: string, tone: Notice["tone"]): State => ({
  ...state,
  notice: { number: (state.notice?.number ?? 0) + 1, text: sentence(text), tone }
})

/** Tests if the game of a view is over by its rules, so that the end of its connection needs no explanation. */
const isOver = (view: Running | undefined): boolean => {
  if (view?._tag === "Guess") return view.guesses.at(-1)?.verdict === "correct!"
  return view?._tag === "Hangman" && view.prompt === "bye"
}

/** Returns the state after an event. */
export const step = (state: State, event: Event): State => {
  switch (event._tag) {
    case "View": {
      const { view } = event
      if (view._tag === "Started") return { ...state, phase: "running" }
      if (view._tag !== "Ended") return { ...state, view, views: state.views + 1, notice: undefined }
      const ended: State = { ...state, phase: "ended", notice: undefined }
      return isOver(state.view) ? ended : withNotice(ended, view.reason, "bad")
    }
    case "Failed":
      return withNotice({ ...state, phase: "ended" }, event.message, "bad")
    case "Said":
      return event.error === undefined ? state : withNotice(state, event.error, "bad")
  }
}
