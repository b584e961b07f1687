/** State machine of the full-screen hangman client: keys and views in, state and commands out. Pure. */
import type * as FriendlyView from "../../../hangman/FriendlyView.ts"
import * as Screen from "../../../hangman/Screen.ts"
import type { Event, Game, Step } from "../games/fullScreen.ts"

/** State of the client. */
export interface State {
  readonly title: string
  readonly serverView: FriendlyView.View | undefined
  readonly typed: string
  /** Name from the command line, until it was sent. */
  readonly name: string | undefined
  /** Letters typed before the server has answered the previous one. */
  readonly typedAhead: string
  /** True while a reply of the server is outstanding. */
  readonly waiting: boolean
  /** True after the player has declined another game. */
  readonly quitting: boolean
}

/** Limit for the name, and for the letters typed ahead. */
const maxTypedChars = 32

const send = (state: State, text: string): Step<State> => [
  { ...state, typed: "", waiting: true },
  { _tag: "Send", text }
]

const onView = (state: State, serverView: FriendlyView.View): Step<State> => {
  const next = { ...state, serverView, waiting: false }
  if (serverView.prompt === "bye") {
    return [
      next,
      state.quitting ? { _tag: "Done" } : { _tag: "Fail", message: serverView.message.join(" ") || "good bye" }
    ]
  }
  if (serverView.prompt === "name" && state.name !== undefined) return send({ ...next, name: undefined }, state.name)
  if (serverView.prompt === "again") return [{ ...next, typedAhead: "" }]
  if (serverView.prompt !== "guess" || state.typedAhead === "") return [next]
  return send({ ...next, typedAhead: state.typedAhead.slice(1) }, state.typedAhead[0]!)
}

const guess = (state: State, character: string): Step<State> => {
  const letter = character.toLowerCase()
  if (!/^[a-z]$/.test(letter)) return [state]
  return state.waiting
    ? [{ ...state, typedAhead: (state.typedAhead + letter).slice(0, maxTypedChars) }]
    : send(state, letter)
}

const quit = (state: State): Step<State> => send({ ...state, quitting: true }, "no")

const isOver = ({ serverView: view }: State) => view?.prompt === "again"

const onCharacter = (state: State, character: string): Step<State> => {
  const prompt = state.serverView?.prompt
  if (prompt === "guess") return guess(state, character)
  if (state.waiting) return [state]
  if (prompt === "name") return [{ ...state, typed: (state.typed + character).slice(0, maxTypedChars) }]
  if (prompt === "again" && /^y$/i.test(character)) return send(state, "yes")
  return prompt === "again" && /^[nq]$/i.test(character) ? quit(state) : [state]
}

const onEnter = (state: State): Step<State> => {
  if (state.waiting) return [state]
  if (isOver(state)) return send(state, "yes")
  return state.serverView?.prompt === "name" ? send(state, state.typed) : [state]
}

const step = (state: State, event: Event<FriendlyView.View>): Step<State> => {
  switch (event._tag) {
    case "Received":
      return onView(state, event.message)
    case "Disconnected":
      return [state, state.quitting ? { _tag: "Done" } : { _tag: "Fail", message: `hangman: ${event.reason}` }]
    case "Character":
      return onCharacter(state, event.character)
    case "Enter":
      return onEnter(state)
    case "Backspace":
      return [{ ...state, typed: state.typed.slice(0, -1) }]
    case "Interrupt":
      return [state, { _tag: "Abort" }]
    case "Escape":
    case "EndOfInput":
      // After the end of a game, leaving is a success.
      return [state, { _tag: isOver(state) || state.quitting ? "Done" : "Abort" }]
    default:
      return [state]
  }
}

/** Returns the game. The player types a name if `name` is undefined. */
export const game = (title: string, name: string | undefined): Game<State, FriendlyView.View> => ({
  initial: { title, serverView: undefined, typed: "", name, typedAhead: "", waiting: false, quitting: false },
  step,
  draw: Screen.draw
})
