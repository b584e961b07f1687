/**
 * Explanation of a failed run as text: the reason, the sequence diagram with log lines and faults, and the command that
 * repeats it.
 *
 * **Example** (A lost request)
 *
 * ```ts
 * import { Explanation } from "effect-inet/simulation"
 *
 * const [client, server] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 7 }]
 * const bytes = new TextEncoder().encode("hello")
 * const packet = { transport: "udp", kind: "datagram", from: client, to: server, bytes, host: "client" } as const
 * const picture = Explanation.diagram({
 *   events: [{ _tag: "Packet", at: 500_000, packet: { ...packet, at: 500_000n, fault: "drop", lost: true } }],
 *   hosts: [
 *     { name: "client", addresses: ["10.0.0.1"] },
 *     { name: "server", addresses: ["10.0.0.2"] }
 *   ],
 *   plan: [],
 *   endNanos: 1e9
 * })
 * picture.split("\n")[0]?.trim().split(/ +/) // => ["seconds", "client", "server"]
 * picture.includes("0.000500 !") // => true
 * ```
 */
import * as HostLabels from "../../capture/view/HostLabels.ts"
import type * as Packet from "../../network/Packet.ts"
import * as Elision from "./Elision.ts"
import * as EventRows from "./EventRows.ts"

/** A host of a run, with its addresses. @category models @since 0.1.0 */
export type Host = EventRows.Host

/** A run to show. @category models @since 0.1.0 */
export interface Run extends EventRows.Run {
  /** End of the run, in virtual nanoseconds. */
  readonly endNanos: number
  /** Last line of the diagram. Default `end`. */
  readonly ending?: string | undefined
  /** Number of events that are not in `events`. Default 0. */
  readonly omittedEvents?: number | undefined
  /** Dissectors of payloads, in order; a payload that none of them knows is shown as text or by its length. */
  readonly dissectors?: ReadonlyArray<Packet.Dissector> | undefined
  /** Width of the diagram in columns, 60 to 400. Default 100. */
  readonly width?: number | undefined
  /** Number of lines below the names of the hosts, at least 5; others are counted. Default 40. */
  readonly maxLines?: number | undefined
}

/** Width of the time, and of the mark of a fault behind it. */
const timeColumns = 14

/** Width of the column of a host. */
const [minHostColumns, maxHostColumns] = [8, 22]

/** Least width of the texts beside the hosts. */
const minTextColumns = 24

const lengthOf = (text: string) => Array.from(text).length

const truncate = (text: string, width: number) => {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`
}

const center = (text: string, width: number, fill = " ") => {
  const padding = Math.max(0, width - lengthOf(text))
  return `${fill.repeat(Math.floor(padding / 2))}${text}${fill.repeat(Math.ceil(padding / 2))}`
}

/** Columns of the hosts. */
interface Columns {
  readonly index: ReadonlyMap<string, number>
  readonly columnWidth: number
  readonly width: number
}

const middleOf = ({ columnWidth }: Columns, index: number) => index * columnWidth + Math.floor(columnWidth / 2)

const lifelines = (columns: Columns): Array<string> => {
  const cells = Array.from({ length: columns.index.size * columns.columnWidth }, () => " ")
  for (const index of columns.index.values()) cells[middleOf(columns, index)] = "|"
  return cells
}

/** Draws the arrow of a packet; that of a lost packet ends halfway in an x. */
const drawArrow = (columns: Columns, { from, isLost, to }: EventRows.Arrow): string => {
  const cells = lifelines(columns)
  const start = columns.index.get(from)
  const end = to === undefined ? undefined : columns.index.get(to)
  if (start === undefined) return cells.join("")
  const startAt = middleOf(columns, start)
  if (end === undefined || end === start) {
    cells[startAt] = isLost ? "x" : "o"
    return cells.join("")
  }
  const step = end > start ? 1 : -1
  const last = middleOf(columns, end) - step
  const tip = isLost ? Math.round((startAt + last) / 2) : last
  for (let at = startAt + step; step * at <= step * tip; at += step) cells[at] = "-"
  cells[tip] = isLost ? "x" : step > 0 ? ">" : "<"
  return cells.join("")
}

const drawNote = (columns: Columns, host: string | undefined): string => {
  const cells = lifelines(columns)
  const index = host === undefined ? undefined : columns.index.get(host)
  if (index !== undefined) cells[middleOf(columns, index)] = "*"
  return cells.join("")
}

const prefix = (at: number, isFault: boolean) =>
  `${EventRows.formatSeconds(at).padStart(timeColumns - 4)} ${isFault ? "!" : " "}  `

const drawRow = (columns: Columns, row: EventRows.Row): string => {
  const area = columns.index.size * columns.columnWidth
  const start = prefix(row.at, row.importance === "fault" && row._tag !== "Line")
  if (row._tag === "Line") return `${start}${center(` ${row.text} `, Math.max(area, lengthOf(row.text) + 10), "=")}`
  const scenario = row._tag === "Note" && row.host === undefined ? "scenario " : ""
  const drawn = row._tag === "Arrow" ? drawArrow(columns, row) : drawNote(columns, row.host)
  return `${start}${drawn}  ${scenario}${row.text}`
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`

/** Describes rows that are left out, by their kinds. */
const omittedText = (rows: ReadonlyArray<EventRows.Row>, more: number): string => {
  const packets = rows.filter(({ _tag }) => _tag === "Arrow").length
  const faults = rows.filter(({ importance }) => importance === "fault").length
  const others = rows.length - packets + more
  const counts = [
    ...(packets === 0 ? [] : [plural(packets, "packet")]),
    ...(others === 0 ? [] : [plural(others, packets === 0 ? "event" : "other event")])
  ]
  return `... ${counts.join(", ")}${faults === 0 ? "" : ` (${plural(faults, "fault")})`} ...`
}

const hostNames = ({ events, hosts }: Run): ReadonlyArray<string> => {
  const names = new Set(hosts.map(({ name }) => name))
  for (const event of events) if (event._tag === "Packet") names.add(event.packet.host)
  return [...names]
}

/**
 * Draws the sequence diagram of a run: hosts side by side, and time downwards.
 *
 * An arrow is a packet, and one that ends in an x a lost packet. A line across is a crash or a partition. Log lines are
 * beside the hosts at their times. An exclamation mark is before each fault.
 *
 * @category formatting
 * @since 0.1.0
 */
export const diagram = (run: Run): string => {
  const width = Math.min(400, Math.max(60, run.width ?? 100))
  const maxLines = Math.max(5, run.maxLines ?? 40)
  const maxHosts = Math.floor((width - timeColumns - minTextColumns) / minHostColumns)
  const all = hostNames(run)
  const names = all.slice(0, maxHosts)
  const share = names.length === 0 ? 0 : Math.floor((width - timeColumns) / 2 / names.length)
  const columnWidth = Math.max(minHostColumns, Math.min(maxHostColumns, share))
  const columns: Columns = { index: new Map(names.map((name, at) => [name, at])), columnWidth, width }
  const { labels, legend } = HostLabels.make(names, columnWidth - 1, width)
  const rows = EventRows.make(run, run.endNanos)
  const ending = { _tag: "Line", at: run.endNanos, text: run.ending ?? "end", importance: "fault" } as const
  const shown = Elision.select([...rows, ending], maxLines)
  const isLong = (run.omittedEvents ?? 0) > 0
  const gap = shown.findLastIndex((one) => "omitted" in one)
  const lines = shown.map((one, at) => {
    if ("row" in one) return drawRow(columns, one.row)
    const text = omittedText(one.omitted, isLong && at === gap ? run.omittedEvents! : 0)
    return `${" ".repeat(timeColumns)}${center(text, names.length * columnWidth)}`
  })
  const heading = `${"seconds".padStart(timeColumns - 4)}    ${labels.map((label) => center(label, columnWidth)).join("")}`
  const leftOut = all.slice(maxHosts)
  const more = leftOut.length === 0 ? [] : [`${plural(leftOut.length, "host")} without a column: ${leftOut.join(", ")}`]
  return [...legend, heading, ...lines, ...more].map((line) => truncate(line, width).trimEnd()).join("\n")
}

/** The paragraphs of an explanation. @category models @since 0.1.0 */
export interface Paragraphs {
  /** The reason, possibly of several lines. */
  readonly reason: string
  /** The input of the scenario, as text. */
  readonly input?: string | undefined
  /** The diagram of the run; empty if there is none. */
  readonly diagram: string
  /** Command that repeats the run. */
  readonly command: string
}

/** Characters of an input that are shown. */
const maxInputChars = 1_000

const indent = (text: string) =>
  text
    .split("\n")
    .map((line) => (line === "" ? "" : `  ${line}`))
    .join("\n")

/** Joins the paragraphs of an explanation: all but the reason are indented. @category formatting @since 0.1.0 */
export const join = ({ command, diagram, input, reason }: Paragraphs): string => {
  const given = input === undefined ? [] : [`input: ${truncate(input, maxInputChars)}`]
  return [reason, ...[...given, ...(diagram === "" ? [] : [diagram]), command].map(indent)].join("\n\n")
}

/** A failure to explain. @category models @since 0.1.0 */
export interface Failure extends Run, Omit<Paragraphs, "diagram"> {}

/**
 * Formats a failure: the reason, the input, the diagram and the command, each as a paragraph.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (failure: Failure): string =>
  join({ ...failure, diagram: failure.events.length === 0 ? "" : diagram(failure) })
