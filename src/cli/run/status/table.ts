/** All peers as a table of any width: stable, with each state named and coloured. Pure: peers in, lines out. */
import * as TerminalText from "../../../network/TerminalText.ts"
import { clip, plain, type Style, type StyledLine } from "../../../terminal/StyledText.ts"
import * as Table from "../../../terminal/Table.ts"
import { formatBytes } from "../tftp/transferBar.ts"
import { addressOf, formatAge, type HostPeer } from "./text.ts"

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

const stateStyles: Readonly<Record<HostPeer["state"], Style>> = {
  alive: "green",
  suspect: "yellow",
  down: "red",
  left: "dim"
}

const columns: ReadonlyArray<Table.Column<HostPeer>> = [
  {
    title: "name",
    rank: 0,
    format: ({ name }) => shorten(TerminalText.escape(name), maxNameChars),
    style: ({ self }) => (self ? "bold" : undefined)
  },
  { title: "state", rank: 0, format: ({ state }) => state, style: ({ state }) => stateStyles[state] },
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

const gap = "  "

/** Returns the titles, and a line for each peer; none is wider than `width`. */
const lines = (peers: ReadonlyArray<HostPeer>, width: number) => Table.fit(columns, peers, width)

/** The same for a file or a pipe. */
export const text = (peers: ReadonlyArray<HostPeer>, width: number): string => Table.toText(lines(peers, width))

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
