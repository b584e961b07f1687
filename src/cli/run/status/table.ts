/** All peers as a table of any width: stable, with each state named and coloured. Pure: peers in, lines out. */
import * as TerminalText from "../../../network/TerminalText.ts"
import { clip, plain, type Span, type Style, type StyledLine } from "../../../terminal/StyledText.ts"
import { formatBytes } from "../tftp/transferBar.ts"
import { addressOf, formatAge, type HostPeer } from "./text.ts"

/** A column; where there is little room, those with the highest rank go first. */
interface Column {
  readonly title: string
  readonly rank: number
  readonly alignRight?: boolean
  readonly format: (peer: HostPeer) => string
}

const orDash = <A>(value: A | undefined, show: (value: A) => string) => (value === undefined ? "-" : show(value))

/** What there is to say beside the numbers. */
const marksOf = ({ conflict, dialect, invalid, self }: HostPeer) =>
  [
    ...(self ? ["you"] : []),
    ...(conflict ? ["conflict"] : []),
    ...(invalid === undefined ? [] : ["unreadable"]),
    ...(dialect === "course" ? ["course"] : [])
  ].join(" ")

/** The longest name that is shown whole. */
const maxNameChars = 24

/** The sign of a name that goes on is one that any terminal has. */
const shorten = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}~` : text)

const columns: ReadonlyArray<Column> = [
  { title: "name", rank: 0, format: ({ name }) => shorten(TerminalText.escape(name), maxNameChars) },
  { title: "state", rank: 0, format: ({ state }) => state },
  { title: "heard", rank: 1, alignRight: true, format: ({ age }) => formatAge(age) },
  {
    title: "load",
    rank: 4,
    alignRight: true,
    format: ({ payload }) => orDash(payload?.load, ([one]) => one.toFixed(2))
  },
  {
    title: "free",
    rank: 6,
    alignRight: true,
    format: ({ payload }) => orDash(payload?.memory, ({ free }) => formatBytes(free))
  },
  {
    title: "up",
    rank: 7,
    alignRight: true,
    format: ({ payload }) => orDash(payload?.uptime, (up) => formatAge(up * 1_000))
  },
  { title: "here", rank: 5, alignRight: true, format: ({ knownFor }) => formatAge(knownFor) },
  { title: "x,y", rank: 3, alignRight: true, format: ({ payload }) => orDash(payload, ({ x, y }) => `${x},${y}`) },
  { title: "loss", rank: 8, alignRight: true, format: ({ loss, self }) => (self ? "" : `${Math.round(loss * 100)}%`) },
  { title: "address", rank: 9, format: addressOf },
  { title: "", rank: 2, format: marksOf }
]

const inks: Readonly<Record<HostPeer["state"], Style>> = { alive: "green", suspect: "yellow", down: "red", left: "dim" }

const gap = "  "

/** Columns in their order, as many as fit. */
const fittingColumns = (widths: ReadonlyArray<number>, width: number): ReadonlyArray<number> => {
  const kept: Array<number> = []
  let remaining = width + gap.length
  for (const at of [...columns.keys()].sort((one, other) => columns[one]!.rank - columns[other]!.rank)) {
    remaining -= widths[at]! + gap.length
    if (remaining < 0 && columns[at]!.rank > 0) break
    if (widths[at]! > 0) kept.push(at)
  }
  return kept.sort((one, other) => one - other)
}

const inkOf = ({ title }: Column, { self, state }: HostPeer): Style | undefined =>
  title === "state" ? inks[state] : title === "name" && self ? "bold" : undefined

const row = (spans: ReadonlyArray<Span>): StyledLine =>
  spans.flatMap((span, at) => (at === 0 ? [span] : [{ text: gap }, span]))

/** The titles, and a line for each peer; none is wider than the room. */
const lines = (peers: ReadonlyArray<HostPeer>, width: number): ReadonlyArray<StyledLine> => {
  const cells = peers.map((peer) => columns.map(({ format }) => format(peer)))
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => row[at]!.length)))
  const kept = fittingColumns(widths, width)
  const pad = (at: number, text: string) => {
    if (columns[at]!.alignRight === true) return text.padStart(widths[at]!)
    return at === kept.at(-1) ? text : text.padEnd(widths[at]!)
  }
  const titles = row(kept.map((at) => ({ text: pad(at, columns[at]!.title), style: "dim" })))
  const rows = peers.map((peer, index) =>
    row(kept.map((at) => ({ text: pad(at, cells[index]![at]!), style: inkOf(columns[at]!, peer) })))
  )
  return [titles, ...rows].map((line) => clip(line, width))
}

/** The same for a file or a pipe. */
export const text = (peers: ReadonlyArray<HostPeer>, width: number): string =>
  lines(peers, width)
    .map((line) =>
      line
        .map(({ text }) => text)
        .join("")
        .trimEnd()
    )
    .join("\n")

/** How many there are: `4 peers: 3 alive, 1 down`. */
export const summary = (peers: ReadonlyArray<HostPeer>): string => {
  const states = (["alive", "suspect", "down", "left"] as const).flatMap((state) => {
    const count = peers.filter((peer) => peer.state === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  })
  return `${peers.length} ${peers.length === 1 ? "peer" : "peers"}${states.length === 0 ? "" : ": "}${states.join(", ")}`
}

/** What there is to see. */
export interface View {
  readonly title: string
  readonly peers: ReadonlyArray<HostPeer>
  /** Which of the pages is shown, where there is no room for all peers; after the last comes the first. */
  readonly page: number
  /** What has happened, the latest last. */
  readonly recent: ReadonlyArray<string>
}

/** So many lines of what has happened are shown at most. */
const maxNewsLines = 4

/** Rows for peers on a screen with so many lines; the rest is what has happened, and what keys do. */
const peerRowsFor = ({ peers, recent }: Pick<View, "peers" | "recent">, rows: number): number => {
  const news = Math.min(recent.length, maxNewsLines, Math.max(0, Math.floor((rows - 5) / 3)))
  const all = rows - 4 - news
  return Math.max(1, peers.length <= all ? all : all - 1)
}

/** What keys do: nobody moves who only looks. */
export const keyHelp = (peers: ReadonlyArray<HostPeer>): string =>
  peers.some(({ self }) => self) ? "q leaves, cursor keys move you" : "q leaves"

/** The whole screen. */
export const draw = (view: View, columns: number, rows: number): ReadonlyArray<StyledLine> => {
  const { page, peers, recent, title } = view
  const peerRows = peerRowsFor(view, rows)
  const from = (page % Math.max(1, Math.ceil(peers.length / peerRows))) * peerRows
  const [titles, ...all] = lines(peers, columns)
  const shown = all.slice(from, from + peerRows)
  const hidden = all.length - shown.length
  const news = rows - 4 - shown.length - (hidden > 0 ? 1 : 0)
  const more = [
    ...(from > 0 ? [`${from} before`] : []),
    ...(hidden > from ? [`${hidden - from} more`] : []),
    "Space shows the next"
  ].join(", ")
  const keys = keyHelp(peers)
  const drawn: ReadonlyArray<StyledLine> = [
    [{ text: title, style: "bold" }, { text: `${gap}${summary(peers)}` }],
    titles!,
    ...shown,
    ...(hidden > 0 ? [plain(`... ${more}`)] : []),
    plain(""),
    ...recent.slice(recent.length - Math.min(recent.length, maxNewsLines, Math.max(0, news))).map(plain),
    [{ text: keys, style: "dim" }]
  ]
  return drawn.slice(0, rows).map((line) => clip(line, columns))
}
