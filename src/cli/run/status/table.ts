/** Table of all peers for any width, with a stable order and coloured states. Pure: peers in, lines out. */
import * as Quantity from "../../../network/Quantity.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as Amount from "../../../terminal/Amount.ts"
import { clip, plain, type Style, type StyledLine } from "../../../terminal/StyledText.ts"
import * as Table from "../../../terminal/Table.ts"
import { addressOf, formatAge, type HostPeer } from "./text.ts"

const orDash = <A>(value: A | undefined, show: (value: A) => string) => (value === undefined ? "-" : show(value))

/** Returns the remarks of a peer, beside its numbers. */
const marksOf = ({ conflict, dialect, invalid, self }: HostPeer) =>
  [
    ...(self ? ["you"] : []),
    ...(conflict ? ["conflict"] : []),
    ...(invalid === undefined ? [] : ["invalid"]),
    ...(dialect === "course" ? ["course"] : [])
  ].join(" ")

/** Length of a name before it is cut. */
const maxNameChars = 24

/** Cuts a text with a `~`, which every terminal can show. */
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
  { title: "seen", rank: 1, alignRight: true, format: ({ age }) => formatAge(age) },
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
    format: ({ payload }) => orDash(payload?.memory, ({ free }) => Amount.formatBytes(free))
  },
  {
    title: "up",
    rank: 7,
    alignRight: true,
    format: ({ payload }) => orDash(payload?.uptime, (up) => formatAge(up * 1_000))
  },
  { title: "known", rank: 5, alignRight: true, format: ({ knownFor }) => formatAge(knownFor) },
  { title: "x,y", rank: 3, alignRight: true, format: ({ payload }) => orDash(payload, ({ x, y }) => `${x},${y}`) },
  { title: "loss", rank: 8, alignRight: true, format: ({ loss, self }) => (self ? "" : `${Math.round(loss * 100)}%`) },
  { title: "address", rank: 9, format: addressOf },
  { title: "", rank: 2, format: marksOf }
]

const gap = "  "

/** Returns the titles and one line for each peer, at most `width` wide. */
const lines = (peers: ReadonlyArray<HostPeer>, width: number) => Table.fit(columns, peers, width)

/** Returns the table as plain text, for a file or a pipe. */
export const text = (peers: ReadonlyArray<HostPeer>, width: number): string => Table.toText(lines(peers, width))

/** Returns the number of peers by state: `4 peers: 3 alive, 1 down`. */
export const summary = (peers: ReadonlyArray<HostPeer>): string => {
  const states = (["alive", "suspect", "down", "left"] as const).flatMap((state) => {
    const count = peers.filter((peer) => peer.state === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  })
  return `${Quantity.format(peers.length, "peer")}${states.length === 0 ? "" : ": "}${states.join(", ")}`
}

/** Contents of the screen. */
export interface View {
  readonly title: string
  readonly peers: ReadonlyArray<HostPeer>
  /** Number of the page if there are more peers than rows; after the last page comes the first. */
  readonly page: number
  /** Recent changes, the latest last. */
  readonly recent: ReadonlyArray<string>
}

/** Lines of recent changes on the screen. */
const maxNewsLines = 4

/** Returns the rows for peers on a screen with `rows` lines; the others are for recent changes and the key help. */
const peerRowsFor = ({ peers, recent }: Pick<View, "peers" | "recent">, rows: number): number => {
  const news = Math.min(recent.length, maxNewsLines, Math.max(0, Math.floor((rows - 5) / 3)))
  const all = rows - 4 - news
  return Math.max(1, peers.length <= all ? all : all - 1)
}

/** Returns the key help. Only members can move; observers cannot. */
export const keyHelp = (peers: ReadonlyArray<HostPeer>): string =>
  peers.some(({ self }) => self) ? "q quits, cursor keys move your name" : "q quits"

/** Draws the whole screen. */
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
    "Space shows the next page"
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
