/** What the keys and the server do to a game of hangman on the screen: pure. */
import type * as FriendlyView from "../../../hangman/FriendlyView.ts"
import * as Screen from "../../../hangman/Screen.ts"
import type { Event, Game, Step } from "../games/fullScreen.ts"

/** A game as the player sees it. */
export interface State {
  readonly title: string
  readonly shown: FriendlyView.View | undefined
  readonly typed: string
  /** The name for the scoreboard, until it was asked for. */
  readonly name: string | undefined
  /** Letters typed while the server has not answered the one before. */
  readonly ahead: string
  /** Whether the server's answer is yet to come. */
  readonly waiting: boolean
  /** The player wants no further game. */
  readonly parting: boolean
}

/** The longest name, and the most letters typed ahead. */
const longest = 32

const send = (state: State, text: string): Step<State> => [
  { ...state, typed: "", waiting: true },
  { _tag: "Send", text }
]

const onView = (state: State, shown: FriendlyView.View): Step<State> => {
  const next = { ...state, shown, waiting: false }
  if (shown.prompt === "bye") {
    return [next, state.parting ? { _tag: "Done" } : { _tag: "Fail", message: shown.message.join(" ") || "good bye" }]
  }
  if (shown.prompt === "name" && state.name !== undefined) return send({ ...next, name: undefined }, state.name)
  if (shown.prompt === "again") return [{ ...next, ahead: "" }]
  if (shown.prompt !== "guess" || state.ahead === "") return [next]
  return send({ ...next, ahead: state.ahead.slice(1) }, state.ahead[0]!)
}

const guess = (state: State, character: string): Step<State> => {
  const letter = character.toLowerCase()
  if (!/^[a-z]$/.test(letter)) return [state]
  return state.waiting ? [{ ...state, ahead: (state.ahead + letter).slice(0, longest) }] : send(state, letter)
}

const part = (state: State): Step<State> => send({ ...state, parting: true }, "no")

const isOver = ({ shown }: State) => shown?.prompt === "again"

const onCharacter = (state: State, character: string): Step<State> => {
  const prompt = state.shown?.prompt
  if (prompt === "guess") return guess(state, character)
  if (state.waiting) return [state]
  if (prompt === "name") return [{ ...state, typed: (state.typed + character).slice(0, longest) }]
  if (prompt === "again" && /^y$/i.test(character)) return send(state, "yes")
  return prompt === "again" && /^[nq]$/i.test(character) ? part(state) : [state]
}

const onEnter = (state: State): Step<State> => {
  if (state.waiting) return [state]
  if (isOver(state)) return send(state, "yes")
  return state.shown?.prompt === "name" ? send(state, state.typed) : [state]
}

const step = (state: State, event: Event<FriendlyView.View>): Step<State> => {
  switch (event._tag) {
    case "News":
      return onView(state, event.news)
    case "Gone":
      return [state, state.parting ? { _tag: "Done" } : { _tag: "Fail", message: `hangman: ${event.why}` }]
    case "Character":
      return onCharacter(state, event.character)
    case "Enter":
      return onEnter(state)
    case "Backspace":
      return [{ ...state, typed: state.typed.slice(0, -1) }]
    case "Interrupt":
      return [state, { _tag: "Leave" }]
    case "Escape":
    case "EndOfInput":
      // Once the game is over there is nothing to interrupt.
      return [state, { _tag: isOver(state) || state.parting ? "Done" : "Leave" }]
    default:
      return [state]
  }
}

/** A game at a server, for a player of this name; undefined asks for it. */
export const game = (title: string, name: string | undefined): Game<State, FriendlyView.View> => ({
  first: { title, shown: undefined, typed: "", name, ahead: "", waiting: false, parting: false },
  step,
  draw: Screen.draw
})
