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
  /** Index of the first row on the screen. */
  readonly top: number
  /** True if only rows that differ from the previous list are shown. */
  readonly onlyChanges: boolean
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

/** Returns the rows that can be shown: all, or those that differ. */
const visibleRows = ({ onlyChanges, rows }: State) =>
  onlyChanges ? rows.filter(({ kind }) => kind !== "present") : rows

/** Lines of the screen beside the rows: title, titles of columns, keys. */
const otherLines = 3

/** Returns the notes that are shown: none if they leave no line for a row. */
const shownNotes = (notes: ReadonlyArray<string>, height: number) => (height > otherLines + notes.length ? notes : [])

/** Returns the number of rows that fit on the screen. */
const pageRows = ({ notes }: State, height: number) =>
  Math.max(1, height - otherLines - shownNotes(notes, height).length)

/** Returns the state with another first row, so that the screen is full if there are rows enough. */
const scrollTo = (state: State, top: number, height: number): State => ({
  ...state,
  top: Math.max(0, Math.min(top, visibleRows(state).length - pageRows(state, height)))
})

/** Keys that scroll, by their character. */
const scrollKeys: Readonly<Record<string, (state: State, page: number) => number>> = {
  " ": ({ top }, page) => top + page,
  b: ({ top }, page) => top - page,
  g: () => 0,
  G: ({ rows }) => rows.length
}

/** Returns the step of a character. */
const stepCharacter = (state: State, character: string, height: number): fullScreen.Step<State> => {
  if (character === "q") return [state, { _tag: "Done" }]
  if (character === "c") return [{ ...state, onlyChanges: !state.onlyChanges, top: 0 }]
  const target = scrollKeys[character]?.(state, pageRows(state, height))
  return [target === undefined ? state : scrollTo(state, target, height)]
}

/** Returns the step of the screen. `heightOf` returns the lines of the last frame. */
const stepWith =
  (compare: Parameters<typeof rowsOf>[1], heightOf: () => number) =>
  (state: State, event: Event): fullScreen.Step<State> => {
    switch (event._tag) {
      case "Received": {
        const { list } = event.message
        return [scrollTo({ ...state, rows: rowsOf(event.message, compare), notes: list.notes }, state.top, heightOf())]
      }
      case "Resize":
        return [scrollTo(state, state.top, heightOf())]
      case "Disconnected":
        return [state, { _tag: "Fail", message: event.reason }]
      case "Up":
        return [scrollTo(state, state.top - 1, heightOf())]
      case "Down":
        return [scrollTo(state, state.top + 1, heightOf())]
      case "Character":
        return stepCharacter(state, event.character, heightOf())
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

/** Returns the line of the keys; those that scroll are named if there is something to scroll. */
const keysOf = (onlyChanges: boolean, scrolls: boolean): string =>
  [
    "q quits",
    onlyChanges ? "c shows all" : "c shows only changes",
    ...(scrolls ? ["Space and b: pages", "arrows: lines", "g and G: ends"] : [])
  ].join(", ")

/** Draws the screen. Only the rows that fit are formatted: a table may have ten thousands. */
const draw = (state: State, columns: number, height: number): ReadonlyArray<StyledLine> => {
  const visible = visibleRows(state)
  const { top } = scrollTo(state, state.top, height)
  const shown = visible.slice(top, top + pageRows(state, height))
  const scrolls = shown.length < visible.length
  const kinds = new Map(shown.map(({ kind, socket }) => [socket, kind]))
  const withMarks = Text.columnsWithMarks((socket) => kinds.get(socket) ?? "present")
  const lines = Table.fit(withMarks, [...kinds.keys()], columns)
  const position = scrolls ? `; rows ${top + 1}-${top + shown.length} of ${visible.length}` : ""
  const drawn: ReadonlyArray<StyledLine> = [
    [{ text: state.title, style: "bold" }, { text: `  ${summary(state.rows)}${position}` }],
    ...lines,
    ...(visible.length === 0 && state.onlyChanges ? [plain("no socket has changed since the previous look")] : []),
    ...shownNotes(state.notes, height).map(plain),
    [{ text: keysOf(state.onlyChanges, scrolls), style: "dim" }]
  ]
  return drawn.slice(0, height).map((line) => clip(line, columns))
}

/** Lines of a terminal before the first frame. */
const usualLines = 24

/** Returns the screen of the first update as a state machine for the full-screen loop, which draws before each step. */
export const game = (
  title: string,
  compare: Parameters<typeof rowsOf>[1],
  first: SocketTable.Update
): fullScreen.Game<State, SocketTable.Update> => {
  let lastHeight = usualLines
  return {
    initial: { title, rows: rowsOf(first, compare), notes: first.list.notes, top: 0, onlyChanges: false },
    step: stepWith(compare, () => lastHeight),
    draw: (state, columns, height) => {
      lastHeight = height
      return draw(state, columns, height)
    }
  }
}

/** Shows the updates until a key ends it. It looks before the first frame, which has the sockets. */
export const show = Effect.fnUntraced(function* <E, R>(
  updates: Stream.Stream<SocketTable.Update, E, R>,
  title: string,
  compare: Parameters<typeof rowsOf>[1]
) {
  const pull = yield* Stream.toPull(Stream.rechunk(updates, 1))
  const next = Effect.map(pull, ([update]) => update)
  const first = yield* next
  yield* fullScreen.play({ next, send: () => Effect.void }, game(title, compare, first))
}, Effect.scoped)
