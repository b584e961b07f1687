/** Live table of sockets on a terminal. All but `show` is pure. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as SocketTable from "../../../inspect/SocketTable.ts"
import * as Quantity from "../../../network/Quantity.ts"
import { clip, plain, type StyledLine } from "../../../terminal/StyledText.ts"
import * as Table from "../../../terminal/Table.ts"
import * as fullScreen from "../games/fullScreen.ts"
import * as Text from "./text.ts"

/** A row of the table: a socket with its change. */
type Row = Pick<SocketTable.SocketChange, "kind" | "socket">

/** Contents of the screen. */
export interface State {
  readonly title: string
  /** Sockets in the order of the list, and those that were in the previous one only. */
  readonly rows: ReadonlyArray<Row>
  readonly notes: ReadonlyArray<string>
  /** Number of the page if there are more rows than lines; after the last page comes the first. */
  readonly page: number
}

/** Returns the rows of an update: each socket with its change, and the sockets that are gone at their place. */
export const rowsOf = (
  { changes, list }: SocketTable.Update,
  compare: (one: SocketTable.Socket, other: SocketTable.Socket) => number
): ReadonlyArray<Row> => {
  const kinds = new Map(changes.map(({ kind, socket }) => [socket, kind]))
  const rows = list.sockets.map((socket): Row => ({ socket, kind: kinds.get(socket) ?? "present" }))
  const gone = changes.filter(({ kind }) => kind === "gone")
  return gone.length === 0 ? rows : [...rows, ...gone].sort((one, other) => compare(one.socket, other.socket))
}

type Event = fullScreen.Event<SocketTable.Update>

/** Returns the step of the screen. */
const stepWith =
  (compare: Parameters<typeof rowsOf>[1]) =>
  (state: State, event: Event): fullScreen.Step<State> => {
    switch (event._tag) {
      case "Received":
        return [{ ...state, rows: rowsOf(event.message, compare), notes: event.message.list.notes }]
      case "Disconnected":
        return [state, { _tag: "Fail", message: event.reason }]
      case "Up":
        return [{ ...state, page: Math.max(0, state.page - 1) }]
      case "Down":
        return [{ ...state, page: state.page + 1 }]
      case "Character":
        if (event.character === "q") return [state, { _tag: "Done" }]
        return [event.character === " " ? { ...state, page: state.page + 1 } : state]
      case "Interrupt":
      case "Escape":
      case "EndOfInput":
        return [state, { _tag: "Done" }]
      default:
        return [state]
    }
  }

/** Returns the number of sockets and of changes: `12 sockets, 1 new, 2 gone`. */
export const summary = (rows: ReadonlyArray<Row>): string => {
  const count = (kind: Row["kind"]) => rows.filter((row) => row.kind === kind).length
  const changes = (["new", "changed", "gone"] as const).flatMap((kind) =>
    count(kind) === 0 ? [] : [`${count(kind)} ${kind}`]
  )
  return [Quantity.format(rows.length - count("gone"), "socket"), ...changes].join(", ")
}

/** Lines of the screen beside the rows: title, titles of columns, keys. */
const otherLines = 3

/** Draws the screen. Only the rows of the page are formatted: a table may have ten thousands. */
export const draw = (
  { notes, page, rows, title }: State,
  columns: number,
  height: number
): ReadonlyArray<StyledLine> => {
  const shownNotes = height > otherLines + notes.length ? notes : []
  const most = Math.max(1, height - otherLines - shownNotes.length)
  const pages = Math.max(1, Math.ceil(rows.length / most))
  const from = (page % pages) * most
  const shown = rows.slice(from, from + most)
  const kinds = new Map(shown.map(({ kind, socket }) => [socket, kind]))
  const withMarks = Text.columnsWithMarks((socket) => kinds.get(socket) ?? "present")
  const lines = Table.fit(withMarks, [...kinds.keys()], columns)
  const keys = pages === 1 ? "q quits" : `q quits, Space shows the next page; page ${(page % pages) + 1} of ${pages}`
  const drawn: ReadonlyArray<StyledLine> = [
    [{ text: title, style: "bold" }, { text: `  ${summary(rows)}` }],
    ...lines,
    ...shownNotes.map(plain),
    [{ text: keys, style: "dim" }]
  ]
  return drawn.slice(0, height).map((line) => clip(line, columns))
}

/** Returns the screen as a state machine for the full-screen loop. */
export const game = (
  title: string,
  compare: Parameters<typeof rowsOf>[1]
): fullScreen.Game<State, SocketTable.Update> => ({
  initial: { title, rows: [], notes: [], page: 0 },
  step: stepWith(compare),
  draw
})

/** Shows the updates until a key ends it. */
export const show = Effect.fnUntraced(function* <E, R>(
  updates: Stream.Stream<SocketTable.Update, E, R>,
  title: string,
  compare: Parameters<typeof rowsOf>[1]
) {
  const pull = yield* Stream.toPull(Stream.rechunk(updates, 1))
  const next = Effect.map(pull, ([update]) => update)
  yield* fullScreen.play({ next, send: () => Effect.void }, game(title, compare))
}, Effect.scoped)
