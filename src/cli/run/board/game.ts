/** What the keys and the server do to a board on the screen: pure. */
import * as BoardClient from "../../../board/BoardClient.ts"
import type * as Grid from "../../../board/Grid.ts"
import type * as Reply from "../../../board/Reply.ts"
import * as Screen from "../../../board/Screen.ts"
import type { Event, Game, Step } from "../games/fullScreen.ts"

/** A board as the player sees it. */
export interface State {
  readonly title: string
  readonly known: BoardClient.Known
  readonly cursor: Grid.Square
  readonly messages: ReadonlyArray<string>
}

/** Messages kept for a large screen. */
const kept = 20

const who = (number: number, own: number) => (number === own ? "you" : `client ${number}`)

/** A line about what the squares alone do not show; undefined where they do. What is done comes once more as seen. */
const messageOf = (reply: Reply.Reply, own: number): string | undefined => {
  switch (reply._tag) {
    case "Occupied":
      return `${reply.x} ${reply.y} is taken by ${who(reply.by, own)}`
    case "Error":
      return reply.text
    case "Seen": {
      const { event } = reply
      if (event._tag === "Claimed") return `${who(event.by, own)}: claimed ${event.x} ${event.y}`
      if (event._tag === "RowClaimed") return `${who(event.by, own)}: claimed row ${event.y}`
      return `${who(event.by, own)}: swapped ${event.x} ${event.y} with ${event.toX} ${event.toY}`
    }
    default:
      return undefined
  }
}

const moves = { Up: [0, -1], Down: [0, 1], Left: [-1, 0], Right: [1, 0] } as const

const within = (at: number, size: number) => Math.max(0, Math.min(size - 1, at))

const learn = (state: State, reply: Reply.Reply): State => {
  const known = BoardClient.learn(state.known, reply)
  const message = messageOf(reply, known.number)
  return {
    ...state,
    known,
    messages: message === undefined ? state.messages : [...state.messages, message].slice(-kept)
  }
}

const send = (state: State, text: string): Step<State> => [state, { _tag: "Send", text }]

const claim = (state: State): Step<State> =>
  state.known.grid.length === 0 ? [state] : send(state, `claim ${state.cursor.x} ${state.cursor.y}`)

const step = (state: State, event: Event<Reply.Reply>): Step<State> => {
  switch (event._tag) {
    case "News":
      return [learn(state, event.news)]
    case "Gone":
      return [state, { _tag: "Fail", message: `board: ${event.why}` }]
    case "Up":
    case "Down":
    case "Left":
    case "Right": {
      const [x, y] = moves[event._tag]
      const size = state.known.grid.length
      return [{ ...state, cursor: { x: within(state.cursor.x + x, size), y: within(state.cursor.y + y, size) } }]
    }
    case "Enter":
      return claim(state)
    case "Character":
      if (event.character === " ") return claim(state)
      return event.character === "r" ? send(state, `claim row ${state.cursor.y}`) : [state]
    case "Interrupt":
      return [state, { _tag: "Leave" }]
    case "Escape":
    case "EndOfInput":
      // A board has no end that one could wait for.
      return [state, { _tag: "Done" }]
    default:
      return [state]
  }
}

const prompt = "cursor keys move, Enter claims, r the row, Esc leaves"
const shortPrompt = "Enter claims"

const draw = ({ cursor, known, messages, title }: State, columns: number, rows: number) =>
  Screen.draw(
    {
      title: known.number === 0 ? title : `${title}, client ${known.number}`,
      grid: known.missing === 0 ? known.grid : [],
      own: known.number,
      ...{ cursor, messages },
      prompt: prompt.length <= columns ? prompt : shortPrompt
    },
    columns,
    rows
  )

/** A board at a server. */
export const game = (title: string): Game<State, Reply.Reply> => ({
  first: { title, known: BoardClient.nothing, cursor: { x: 0, y: 0 }, messages: [] },
  step,
  draw
})
