/**
 * A board that a browser plays or watches: lines of the server in, the view with its messages out. Pure.
 */
import * as Option from "effect/Option"
import * as BoardClient from "../../board/BoardClient.ts"
import type * as Grid from "../../board/Grid.ts"
import * as Reply from "../../board/Reply.ts"
import * as GameMachine from "./GameMachine.ts"

/** State of a player or a watcher. */
export interface State {
  /** Text after the last line end. */
  readonly unfinished: string
  readonly copy: BoardClient.BoardView
  /** The latest board that is complete; empty before the first one. */
  readonly grid: Grid.Grid
  /** Latest messages, the newest last. */
  readonly messages: ReadonlyArray<string>
  /** Result of the player's latest request, and its number, from 1. */
  readonly result?: { readonly number: number; readonly text: string }
}

/** Capacity of the message history. */
const maxMessages = 20

/** The state before the first line of the server. */
export const initial: State = { unfinished: "", copy: BoardClient.empty, grid: [], messages: [] }

/** Returns the client as the subject of a sentence. */
const subject = (number: number, own: number) => (number === own ? "You" : `Client ${number}`)

/** Returns the owner of a square in the middle of a sentence. */
const owner = (number: number, own: number) => (number === own ? "you" : `client ${number}`)

const describeChange = (change: Grid.Change, own: number): string => {
  const by = subject(change.by, own)
  switch (change._tag) {
    case "Claimed":
      return `${by} claimed ${change.x} ${change.y}.`
    case "RowClaimed":
      return `${by} claimed row ${change.y}.`
    case "Swapped":
      return `${by} swapped ${change.x} ${change.y} with ${change.toX} ${change.toY}.`
  }
}

/** Returns the result that a reply has for the player, if it is the answer to a request. */
const resultOf = (reply: Reply.Reply, own: number): string | undefined => {
  switch (reply._tag) {
    case "Claimed":
    case "RowClaimed":
    case "Swapped":
      return describeChange(reply, reply.by)
    case "Occupied":
      return `${reply.x} ${reply.y} is taken by ${owner(reply.by, own)}.`
    case "Refused":
      return `${reply.x} ${reply.y} and ${reply.toX} ${reply.toY} are not yours: one square of a swap must be.`
    case "Error":
      return `${reply.text}.`
    default:
      return undefined
  }
}

const withMessage = (state: State, message: string): State => ({
  ...state,
  messages: [...state.messages, GameMachine.showLine(message)].slice(-maxMessages)
})

/** Returns the state after a message of the process itself, such as a lost connection. */
export const notice = (state: State, message: string): State =>
  state.messages.at(-1) === GameMachine.showLine(message) ? state : withMessage(state, message)

/** Returns the state on a new connection, which keeps the board and the messages. */
export const reopened = (state: State): State => ({ ...state, unfinished: "", copy: BoardClient.empty })

const isSame = (one: Grid.Grid, other: Grid.Grid) =>
  one.length === other.length && one.every((row, y) => row.every((number, x) => number === other[y]![x]))

const onReply = (state: State, reply: Reply.Reply): State => {
  const copy = BoardClient.apply(state.copy, reply)
  const isComplete = copy.missingRows === 0 && !isSame(copy.grid, state.grid)
  const next: State = { ...state, copy, grid: isComplete ? copy.grid : state.grid }
  if (reply._tag === "Seen") return withMessage(next, describeChange(reply.event, copy.number))
  const text = resultOf(reply, copy.number)
  if (text === undefined) return next
  const result = { number: (state.result?.number ?? 0) + 1, text: GameMachine.showLine(text) }
  // A change follows as `seen`, also to its author: a refusal does not.
  const isChange = reply._tag === "Claimed" || reply._tag === "RowClaimed" || reply._tag === "Swapped"
  return { ...(isChange ? next : withMessage(next, text)), result }
}

const onLine = (state: State, line: string): State =>
  Option.match(Reply.parse(line), {
    // Such as the line of a server that has reached its limit of clients.
    onNone: () => (line.trim() === "" ? state : withMessage(state, line)),
    onSome: (reply) => onReply(state, reply)
  })

/** Lines at the start, and the one that keeps the connection. A watcher does not take a number from the players. */
const lines = {
  play: { opening: "hello\nwatch\n", keepAlive: "hello\n" },
  // A watch is answered in order with the changes, which a single `board` is not.
  watch: { opening: "watch\n", keepAlive: "watch\n" }
}

/** Returns the machine of a player, or of a watcher without a number. */
export const machine = (role: keyof typeof lines): GameMachine.GameMachine<State> => ({
  initial,
  step: (state, event) => {
    switch (event._tag) {
      case "Opened":
        return [state, lines[role].opening]
      case "Said":
        return [state, `${event.line}\n`]
      case "Received": {
        const [complete, unfinished] = GameMachine.splitLines(state.unfinished + event.text)
        return [{ ...complete.reduce(onLine, state), unfinished }, ""]
      }
    }
  },
  problemOf: (_, line) => (line.trim() === "" ? "a command of the board is not empty: claim x y" : undefined),
  view: ({ copy, grid, messages, result }) => ({
    _tag: "Board",
    player: copy.number,
    board: { grid, messages },
    ...(result === undefined ? {} : { result })
  }),
  keepAlive: lines[role].keepAlive
})
