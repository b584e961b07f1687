/** Statistics of a capture as text for a terminal and as JSON. Pure. */
import type * as Conversations from "../../../../capture/analysis/Conversations.ts"
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
import type * as Throughput from "../../../../capture/analysis/Throughput.ts"
import * as TerminalPlot from "../../../../capture/view/TerminalPlot.ts"
import * as Units from "../../../../capture/view/Units.ts"
import * as TerminalText from "../../../../network/TerminalText.ts"
import * as Table from "../../../../terminal/Table.ts"
import { formatEndpoint, formatSeconds } from "./packetText.ts"

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

/** Columns of the table of conversations, by their rank: the ends, the amounts, what went wrong, times, rates. */
const columns = (startNanos: bigint): ReadonlyArray<Table.Column<Conversation>> => [
  right("stream", 1, ({ protocol, stream }) => `${protocol.toLowerCase()} ${stream ?? ""}`.trimEnd()),
  left("from", 0, ({ from }) => formatEndpoint(from)),
  left("to", 0, ({ to }) => formatEndpoint(to)),
  right("packets >", 3, ({ sent }) => Units.count(sent.packets)),
  right("<", 3, ({ received }) => Units.count(received.packets)),
  right("bytes >", 2, ({ sent }) => Units.count(sent.bytes)),
  right("<", 2, ({ received }) => Units.count(received.bytes)),
  right("again", 4, ({ retransmissions }) => (retransmissions === 0 ? "" : Units.count(retransmissions))),
  right("duration", 5, ({ endNanos, startNanos }) => Units.duration(Number(endNanos - startNanos))),
  right("rtt min", 7, ({ roundTrips }) => optional(roundTrips?.min)),
  right("median", 6, ({ roundTrips }) => optional(roundTrips?.median)),
  right("max", 7, ({ roundTrips }) => optional(roundTrips?.max)),
  right("handshake", 9, ({ handshakeNanos }) => optional(handshakeNanos)),
  right("rate >", 8, (row) => rate(row.sent.bytes, row)),
  right("<", 8, (row) => rate(row.received.bytes, row)),
  right("start", 10, (row) => Units.duration(Number(row.startNanos - startNanos)))
]

const totalColumns = (all: Conversations.Report): ReadonlyArray<Table.Column<Conversations.Total>> => [
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

const restOf = ({ list, rest, withoutAddresses }: Conversations.Report) => [
  ...(rest.packets === 0
    ? []
    : [
        `${Units.counted(rest.packets, "packet")}, ${Units.bytes(rest.bytes)} of conversations after the first ${Units.count(list.length)}`
      ]),
  ...(withoutAddresses.packets === 0 ? [] : [`${Units.counted(withoutAddresses.packets, "packet")} without addresses`])
]

/** Formats the statistics: totals, throughput, protocols, conversations and notes, in `width` columns. */
export const text = (
  name: string,
  report: Conversations.Report,
  series: Throughput.Series,
  width: number,
  plotWidth: number
): string => {
  const table = <Row>(all: ReadonlyArray<Table.Column<Row>>, rows: ReadonlyArray<Row>) =>
    rows.length === 0 ? [] : ["", Table.toText(Table.fit(all, rows, width))]
  const plot = report.packets === 0 ? [] : ["", ...TerminalPlot.draw(series, { width: plotWidth })]
  const lines = [
    ...wrap(heading(name, report).split(" "), width),
    ...plot,
    ...table(totalColumns(report), report.totals),
    ...table(columns(report.startNanos), report.list),
    ...restOf(report),
    ...notesOf(report.notes, width)
  ]
  return `${lines.join("\n")}\n`
}

const seconds = (nanoseconds: bigint | number | undefined) =>
  nanoseconds === undefined ? undefined : formatSeconds(BigInt(Math.round(Number(nanoseconds))))

const conversationJson = (one: Conversation, startNanos: bigint) => ({
  protocol: one.protocol,
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
  return JSON.stringify({
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
