/** All peers as a table of any width: stable, with each state named and coloured. Pure: peers in, lines out. */
import { printable } from "../../../network/TerminalText.ts"
import { clip, type Ink, type Line, plain, type Span } from "../../../terminal/StyledText.ts"
import { formatBytes } from "../tftp/transferBar.ts"
import { addressOf, ago, type Neighbour } from "./text.ts"

/** A column; where there is little room, those with the highest rank go first. */
interface Column {
  readonly title: string
  readonly rank: number
  readonly right?: boolean
  readonly show: (peer: Neighbour) => string
}

const or = <A>(value: A | undefined, show: (value: A) => string) => (value === undefined ? "-" : show(value))

/** What there is to say beside the numbers. */
const marksOf = ({ conflict, dialect, invalid, self }: Neighbour) =>
  [
    ...(self ? ["you"] : []),
    ...(conflict ? ["conflict"] : []),
    ...(invalid === undefined ? [] : ["unreadable"]),
    ...(dialect === "course" ? ["course"] : [])
  ].join(" ")

/** The longest name that is shown whole. */
const widest = 24

/** The sign of a name that goes on is one that any terminal has. */
const shorten = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}~` : text)

const columns: ReadonlyArray<Column> = [
  { title: "name", rank: 0, show: ({ name }) => shorten(printable(name), widest) },
  { title: "state", rank: 0, show: ({ state }) => state },
  { title: "heard", rank: 1, right: true, show: ({ age }) => ago(age) },
  { title: "load", rank: 4, right: true, show: ({ payload }) => or(payload?.load, ([one]) => one.toFixed(2)) },
  { title: "free", rank: 6, right: true, show: ({ payload }) => or(payload?.memory, ({ free }) => formatBytes(free)) },
  { title: "up", rank: 7, right: true, show: ({ payload }) => or(payload?.uptime, (up) => ago(up * 1_000)) },
  { title: "here", rank: 5, right: true, show: ({ known }) => ago(known) },
  { title: "x,y", rank: 3, right: true, show: ({ payload }) => or(payload, ({ x, y }) => `${x},${y}`) },
  { title: "loss", rank: 8, right: true, show: ({ loss, self }) => (self ? "" : `${Math.round(loss * 100)}%`) },
  { title: "address", rank: 9, show: addressOf },
  { title: "", rank: 2, show: marksOf }
]

const inks: Readonly<Record<Neighbour["state"], Ink>> = { alive: "green", suspect: "yellow", down: "red", left: "dim" }

const gap = "  "

/** Columns in their order, as many as fit. */
const fitting = (widths: ReadonlyArray<number>, room: number): ReadonlyArray<number> => {
  const kept: Array<number> = []
  let left = room + gap.length
  for (const at of [...columns.keys()].sort((one, other) => columns[one]!.rank - columns[other]!.rank)) {
    left -= widths[at]! + gap.length
    if (left < 0 && columns[at]!.rank > 0) break
    if (widths[at]! > 0) kept.push(at)
  }
  return kept.sort((one, other) => one - other)
}

const inkOf = ({ title }: Column, { self, state }: Neighbour): Ink | undefined =>
  title === "state" ? inks[state] : title === "name" && self ? "bold" : undefined

const row = (spans: ReadonlyArray<Span>): Line =>
  spans.flatMap((span, at) => (at === 0 ? [span] : [{ text: gap }, span]))

/** The titles, and a line for each peer; none is wider than the room. */
const lines = (peers: ReadonlyArray<Neighbour>, room: number): ReadonlyArray<Line> => {
  const cells = peers.map((peer) => columns.map(({ show }) => show(peer)))
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => row[at]!.length)))
  const kept = fitting(widths, room)
  const pad = (at: number, text: string) => {
    if (columns[at]!.right === true) return text.padStart(widths[at]!)
    return at === kept.at(-1) ? text : text.padEnd(widths[at]!)
  }
  const titles = row(kept.map((at) => ({ text: pad(at, columns[at]!.title), ink: "dim" })))
  const rows = peers.map((peer, index) =>
    row(kept.map((at) => ({ text: pad(at, cells[index]![at]!), ink: inkOf(columns[at]!, peer) })))
  )
  return [titles, ...rows].map((line) => clip(line, room))
}

/** The same for a file or a pipe. */
export const text = (peers: ReadonlyArray<Neighbour>, room: number): string =>
  lines(peers, room)
    .map((line) =>
      line
        .map(({ text }) => text)
        .join("")
        .trimEnd()
    )
    .join("\n")

/** How many there are: `4 peers: 3 alive, 1 down`. */
export const summary = (peers: ReadonlyArray<Neighbour>): string => {
  const states = (["alive", "suspect", "down", "left"] as const).flatMap((state) => {
    const count = peers.filter((peer) => peer.state === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  })
  return `${peers.length} ${peers.length === 1 ? "peer" : "peers"}${states.length === 0 ? "" : ": "}${states.join(", ")}`
}

/** What there is to see. */
export interface View {
  readonly title: string
  readonly peers: ReadonlyArray<Neighbour>
  /** Which of the pages is shown, where there is no room for all peers; after the last comes the first. */
  readonly page: number
  /** What has happened, the latest last. */
  readonly recent: ReadonlyArray<string>
}

/** So many lines of what has happened are shown at most. */
const told = 4

/** Rows for peers on a screen with so many lines; the rest is what has happened, and what keys do. */
const roomOf = ({ peers, recent }: Pick<View, "peers" | "recent">, rows: number): number => {
  const news = Math.min(recent.length, told, Math.max(0, Math.floor((rows - 5) / 3)))
  const all = rows - 4 - news
  return Math.max(1, peers.length <= all ? all : all - 1)
}

/** What keys do: nobody moves who only looks. */
export const keysOf = (peers: ReadonlyArray<Neighbour>): string =>
  peers.some(({ self }) => self) ? "q leaves, cursor keys move you" : "q leaves"

/** The whole screen. */
export const draw = (view: View, columns: number, rows: number): ReadonlyArray<Line> => {
  const { page, peers, recent, title } = view
  const room = roomOf(view, rows)
  const from = (page % Math.max(1, Math.ceil(peers.length / room))) * room
  const [titles, ...all] = lines(peers, columns)
  const shown = all.slice(from, from + room)
  const hidden = all.length - shown.length
  const news = rows - 4 - shown.length - (hidden > 0 ? 1 : 0)
  const more = [
    ...(from > 0 ? [`${from} before`] : []),
    ...(hidden > from ? [`${hidden - from} more`] : []),
    "Space shows the next"
  ].join(", ")
  const keys = keysOf(peers)
  const drawn: ReadonlyArray<Line> = [
    [{ text: title, ink: "bold" }, { text: `${gap}${summary(peers)}` }],
    titles!,
    ...shown,
    ...(hidden > 0 ? [plain(`... ${more}`)] : []),
    plain(""),
    ...recent.slice(recent.length - Math.min(recent.length, told, Math.max(0, news))).map(plain),
    [{ text: keys, ink: "dim" }]
  ]
  return drawn.slice(0, rows).map((line) => clip(line, columns))
}
