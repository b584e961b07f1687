/** Statistics of a capture as text for a terminal and as JSON. Pure. */
import type * as Conversations from "../../../../capture/analysis/Conversations.ts"
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
import type * as Throughput from "../../../../capture/analysis/Throughput.ts"
import * as TerminalPlot from "../../../../capture/view/TerminalPlot.ts"
import * as Units from "../../../../capture/view/Units.ts"
import * as TerminalText from "../../../../network/TerminalText.ts"
import * as Table from "../../../../terminal/Table.ts"
import { formatEndpoint, formatSeconds, safeJson } from "./packetText.ts"

type Conversation = Conversations.Conversation

const optional = (nanoseconds: bigint | number | undefined) =>
  nanoseconds === undefined ? "" : Units.duration(Number(nanoseconds))

const rate = (bytes: number, { endNanos, startNanos }: Conversation) =>
  endNanos > startNanos && bytes > 0 ? Units.rate((bytes * 8e9) / Number(endNanos - startNanos)) : ""

const right = (title: string, rank: number, format: (row: Conversation) => string): Table.Column<Conversation> => ({
  title,
  rank,
  alignRight: true,
  format
})

const left = (title: string, rank: number, format: (row: Conversation) => string): Table.Column<Conversation> => ({
  title,
  rank,
  format
})

/** Columns of conversations. Their ranks: the ends, bytes, times, repetitions, protocols, packets, rates. */
const columns = (startNanos: bigint): ReadonlyArray<Table.Column<Conversation>> => [
  right("stream", 1, ({ protocol, stream }) => `${protocol.toLowerCase()} ${stream ?? ""}`.trimEnd()),
  left("from", 0, ({ from }) => formatEndpoint(from)),
  left("to", 0, ({ to }) => formatEndpoint(to)),
  { ...left("protocol", 6, ({ application = "" }) => application.toUpperCase()), isOptional: true },
  right("packets >", 7, ({ sent }) => Units.count(sent.packets)),
  right("<", 7, ({ received }) => Units.count(received.packets)),
  right("bytes >", 2, ({ sent }) => Units.count(sent.bytes)),
  right("<", 2, ({ received }) => Units.count(received.bytes)),
  right("again", 5, ({ retransmissions }) => (retransmissions === 0 ? "" : Units.count(retransmissions))),
  right("duration", 3, ({ endNanos, startNanos }) => Units.duration(Number(endNanos - startNanos))),
  right("rtt min", 8, ({ roundTrips }) => optional(roundTrips?.min)),
  right("median", 4, ({ roundTrips }) => optional(roundTrips?.median)),
  right("max", 8, ({ roundTrips }) => optional(roundTrips?.max)),
  right("handshake", 10, ({ handshakeNanos }) => optional(handshakeNanos)),
  right("rate >", 9, (row) => rate(row.sent.bytes, row)),
  right("<", 9, (row) => rate(row.received.bytes, row)),
  right("start", 11, (row) => Units.duration(Number(row.startNanos - startNanos)))
]

type Total = Conversations.Amount & { readonly protocol: string }

/** Lists the protocols, each with those above it. */
const totalsOf = ({ totals }: Conversations.Report): ReadonlyArray<Total> =>
  totals.flatMap((total) => [
    total,
    ...total.applications.map((one) => ({ ...one, protocol: `  ${one.protocol.toUpperCase()}` }))
  ])

const totalColumns = (all: Conversations.Report): ReadonlyArray<Table.Column<Total>> => [
  { title: "protocol", rank: 0, format: ({ protocol }) => protocol },
  { title: "packets", rank: 1, alignRight: true, format: ({ packets }) => Units.count(packets) },
  { title: "bytes", rank: 1, alignRight: true, format: ({ bytes }) => Units.count(bytes) },
  {
    title: "share",
    rank: 2,
    alignRight: true,
    format: ({ bytes }) => `${((100 * bytes) / Math.max(1, all.bytes)).toFixed(1)} %`
  }
]

const heading = (name: string, { bytes, endNanos, packets, startNanos }: Conversations.Report) => {
  const nanoseconds = Number(endNanos - startNanos)
  const mean = nanoseconds > 0 ? `, ${Units.rate((bytes * 8e9) / nanoseconds)} on average` : ""
  const start = Units.utc(startNanos)
  const from = packets === 0 || start === undefined ? "" : ` from ${start}`
  return `${TerminalText.escape(name)}: ${Units.counted(packets, "packet")}, ${Units.bytes(bytes)} in ${Units.duration(nanoseconds)}${from}${mean}`
}

/** Splits a text, such as a long path, into pieces of a width. */
const pieces = (text: string, width: number) =>
  Array.from({ length: Math.ceil(text.length / width) }, (_, at) => text.slice(at * width, (at + 1) * width))

/** Wraps items of a sentence at a width. */
const wrap = (items: ReadonlyArray<string>, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const item of items.flatMap((one) => pieces(one, width))) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + item.length <= width) lines[lines.length - 1] = `${last} ${item}`
    else lines.push(item)
  }
  return lines
}

const notesOf = (notes: Conversations.Report["notes"], width: number) => {
  const items = TcpNote.all.flatMap((kind) =>
    notes[kind] === undefined ? [] : [`${TcpNote.kinds[kind].text} ${Units.count(notes[kind])}`]
  )
  const separated = items.map((item, at) => (at < items.length - 1 ? `${item},` : item))
  return items.length === 0 ? [] : ["", "notes (--notes lists them):", ...wrap(separated, width)]
}

/** Bytes of a conversation in both directions. */
const bytesOf = ({ received, sent }: Conversation) => sent.bytes + received.bytes

/** Returns the conversations with the most bytes, and those that are left out. */
const split = (list: ReadonlyArray<Conversation>, top: number) => {
  if (list.length <= top) return { shown: list, hidden: [] }
  const sorted = list.toSorted((one, other) => bytesOf(other) - bytesOf(one))
  return { shown: sorted.slice(0, top), hidden: sorted.slice(top) }
}

const hiddenOf = (hidden: ReadonlyArray<Conversation>) => {
  if (hidden.length === 0) return []
  const bytes = hidden.reduce((total, one) => total + bytesOf(one), 0)
  return [`${Units.counted(hidden.length, "more conversation")}, ${Units.bytes(bytes)}: --top N lists more`]
}

const restOf = ({ list, rest, withoutAddresses }: Conversations.Report) => [
  ...(rest.packets === 0
    ? []
    : [
        `${Units.counted(rest.packets, "packet")}, ${Units.bytes(rest.bytes)} of conversations after the first ${Units.count(list.length)}`
      ]),
  ...(withoutAddresses.packets === 0 ? [] : [`${Units.counted(withoutAddresses.packets, "packet")} without addresses`])
]

/** Layout of the text: columns of the tables and of the plot, and the number of conversations. */
interface Layout {
  readonly width: number
  readonly plotWidth: number
  readonly top: number
}

/** Formats the statistics: totals, throughput, protocols, conversations and notes. */
export const text = (
  name: string,
  report: Conversations.Report,
  series: Throughput.Series,
  { plotWidth, top, width }: Layout
): string => {
  const { hidden, shown } = split(report.list, top)
  const table = <Row>(all: ReadonlyArray<Table.Column<Row>>, rows: ReadonlyArray<Row>) =>
    rows.length === 0 ? [] : ["", Table.toText(Table.fit(all, rows, width))]
  const plot = report.packets === 0 ? [] : ["", ...TerminalPlot.draw(series, { width: plotWidth })]
  const lines = [
    ...wrap(heading(name, report).split(" "), width),
    ...plot,
    ...table(totalColumns(report), totalsOf(report)),
    ...table(columns(report.startNanos), shown),
    ...hiddenOf(hidden),
    ...restOf(report),
    ...notesOf(report.notes, width)
  ]
  return `${lines.join("\n")}\n`
}

const seconds = (nanoseconds: bigint | number | undefined) =>
  nanoseconds === undefined ? undefined : formatSeconds(BigInt(Math.round(Number(nanoseconds))))

const conversationJson = (one: Conversation, startNanos: bigint) => ({
  protocol: one.protocol,
  application: one.application,
  stream: one.stream,
  from: one.from,
  to: one.to,
  sent: one.sent,
  received: one.received,
  start: formatSeconds(one.startNanos - startNanos),
  duration: formatSeconds(one.endNanos - one.startNanos),
  retransmissions: one.retransmissions,
  notes: one.notes,
  rtt:
    one.roundTrips === undefined
      ? undefined
      : {
          count: one.roundTrips.count,
          min: seconds(one.roundTrips.min),
          median: seconds(one.roundTrips.median),
          max: seconds(one.roundTrips.max)
        },
  handshake: seconds(one.handshakeNanos)
})

/** Formats the statistics as one JSON value, without the end of the line. */
export const json = (report: Conversations.Report, series: Throughput.Series): string => {
  const { bytes, endNanos, list, notes, packets, rest, startNanos, totals, withoutAddresses } = report
  return safeJson({
    packets,
    bytes,
    start: `${startNanos}`,
    duration: formatSeconds(endNanos - startNanos),
    protocols: totals,
    conversations: list.map((one) => conversationJson(one, startNanos)),
    rest,
    withoutAddresses,
    notes,
    throughput: {
      start: `${series.startNanos}`,
      bucketMillis: series.bucketMillis,
      bytes: series.bytes,
      retransmissions: series.retransmissions
    }
  })
}
