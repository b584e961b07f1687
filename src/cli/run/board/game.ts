/** State machine of the full-screen board client: keys and replies in, state and commands out. Pure. */
import * as BoardClient from "../../../board/BoardClient.ts"
import type * as Grid from "../../../board/Grid.ts"
import type * as Reply from "../../../board/Reply.ts"
import * as Screen from "../../../board/Screen.ts"
import type { Event, Game, Step } from "../games/fullScreen.ts"

/** State of the client. */
export interface State {
  readonly title: string
  readonly view: BoardClient.BoardView
  readonly cursor: Grid.Square
  readonly messages: ReadonlyArray<string>
}

/** Capacity of the message history. */
const maxMessages = 20

const nameOf = (number: number, ownNumber: number) => (number === ownNumber ? "you" : `client ${number}`)

/** Returns the message for a reply, if any. `claimed` and `swapped` have none: the change follows as `seen`. */
const messageOf = (reply: Reply.Reply, ownNumber: number): string | undefined => {
  switch (reply._tag) {
    case "Occupied":
      return `${reply.x} ${reply.y} is taken by ${nameOf(reply.by, ownNumber)}`
    case "Error":
      return reply.text
    case "Seen": {
      const { event } = reply
      if (event._tag === "Claimed") return `${nameOf(event.by, ownNumber)}: claimed ${event.x} ${event.y}`
      if (event._tag === "RowClaimed") return `${nameOf(event.by, ownNumber)}: claimed row ${event.y}`
      return `${nameOf(event.by, ownNumber)}: swapped ${event.x} ${event.y} with ${event.toX} ${event.toY}`
    }
    default:
      return undefined
  }
}

const moves = { Up: [0, -1], Down: [0, 1], Left: [-1, 0], Right: [1, 0] } as const

const clampIndex = (at: number, size: number) => Math.max(0, Math.min(size - 1, at))

const receive = (state: State, reply: Reply.Reply): State => {
  const view = BoardClient.apply(state.view, reply)
  const message = messageOf(reply, view.number)
  return {
    ...state,
    view,
    messages: message === undefined ? state.messages : [...state.messages, message].slice(-maxMessages)
  }
}

const send = (state: State, text: string): Step<State> => [state, { _tag: "Send", text }]

const claim = (state: State): Step<State> =>
  state.view.grid.length === 0 ? [state] : send(state, `claim ${state.cursor.x} ${state.cursor.y}`)

const step = (state: State, event: Event<Reply.Reply>): Step<State> => {
  switch (event._tag) {
    case "Received":
      return [receive(state, event.message)]
    case "Disconnected":
      return [state, { _tag: "Fail", message: `board: ${event.reason}` }]
    case "Up":
    case "Down":
    case "Left":
    case "Right": {
      const [x, y] = moves[event._tag]
      const size = state.view.grid.length
      return [
        { ...state, cursor: { x: clampIndex(state.cursor.x + x, size), y: clampIndex(state.cursor.y + y, size) } }
      ]
    }
    case "Enter":
      return claim(state)
    case "Character":
      if (event.character === " ") return claim(state)
      return event.character === "r" ? send(state, `claim row ${state.cursor.y}`) : [state]
    case "Interrupt":
      return [state, { _tag: "Abort" }]
    case "Escape":
    case "EndOfInput":
      // A board has no end, so leaving is a success.
      return [state, { _tag: "Done" }]
    default:
      return [state]
  }
}

const prompt = "cursor keys move, Enter claims, r the row, Esc leaves"
const shortPrompt = "Enter claims"

const draw = ({ cursor, view, messages, title }: State, columns: number, rows: number) =>
  Screen.draw(
    {
      title: view.number === 0 ? title : `${title}, client ${view.number}`,
      grid: view.missingRows === 0 ? view.grid : [],
      ownNumber: view.number,
      ...{ cursor, messages },
      prompt: prompt.length <= columns ? prompt : shortPrompt
    },
    columns,
    rows
  )

/** Returns the game. */
export const game = (title: string): Game<State, Reply.Reply> => ({
  initial: { title, view: BoardClient.empty, cursor: { x: 0, y: 0 }, messages: [] },
  step,
  draw
})
