/**
 * Page about a capture, in one HTML file without scripts, which loads nothing. It has the throughput, protocols,
 * conversations, notes and a sequence diagram, for a light and a dark display of any width. Pure.
 *
 * **Example** (A page without packets)
 *
 * ```ts
 * import { Conversations, HtmlPage, Throughput } from "effect-inet/capture"
 *
 * const page = HtmlPage.make({
 *   title: "boot.pcapng",
 *   report: Conversations.make().report(),
 *   series: Throughput.make().series(),
 *   packets: [],
 *   notes: [],
 *   omittedNotes: 0,
 *   remarks: []
 * })
 * page.startsWith("<!doctype html>") // => true
 * page.includes("<script") // => false
 * ```
 */
import * as Endpoint from "../../network/Endpoint.ts"
import type { Dissector, ObservedPacket } from "../../network/Packet.ts"
import type { Amount, Conversation, Report } from "../analysis/Conversations.ts"
import * as TcpNote from "../analysis/TcpNote.ts"
import type { Series } from "../analysis/Throughput.ts"
import * as DiagramLayout from "./DiagramLayout.ts"
import * as DiagramSvg from "./DiagramSvg.ts"
import * as Svg from "./Svg.ts"
import * as Units from "./Units.ts"
import { escapeMarkup } from "./Xml.ts"

/** A note with its packet. @category models @since 0.1.0 */
export interface ListedNote {
  readonly number: number
  readonly sinceStartNanos: bigint
  readonly stream: number
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
  readonly note: TcpNote.TcpNote
}

/** Content of a page. @category models @since 0.1.0 */
export interface Content {
  /** Name of the capture. */
  readonly title: string
  readonly report: Report
  readonly series: Series
  /** Packets of the diagram. */
  readonly packets: ReadonlyArray<ObservedPacket>
  /** Number of packets in the middle of the diagram that `packets` does not have. */
  readonly omittedPackets?: number | undefined
  readonly dissectors?: ReadonlyArray<Dissector> | undefined
  readonly notes: ReadonlyArray<ListedNote>
  /** Number of notes that `notes` does not have. */
  readonly omittedNotes: number
  /** Sentences about what the page lacks, such as packets that were skipped. */
  readonly remarks: ReadonlyArray<string>
}

/** Maximum number of conversations in the table; the page counts the others. */
const maxRows = 1_000

/** Maximum number of hosts in the diagram. */
const maxHosts = 8

/** Styles of the page. A table scrolls in its frame, so that the page is never wider than the display. */
const css = `:root{color-scheme:light dark;--ink:#1f2328;--dim:#59636e;--page:#fff;--soft:#f6f8fa;--line:#d1d9e0;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--ink:#f0f6fc;--dim:#9198a1;--page:#0d1117;--soft:#151b23;--line:#3d444d;--bad:#f85149}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1440px;padding:24px 16px 48px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:22px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:17px;margin:32px 0 8px}
p{margin:4px 0}
.dim{color:var(--dim)}
.facts{display:flex;flex-wrap:wrap;gap:8px 28px;margin:16px 0;padding:0;list-style:none}
.facts b{display:block;font-size:19px;font-weight:600}
.facts li{color:var(--dim);font-size:13px}
.facts b{color:var(--ink)}
.scroll{overflow:auto;max-height:60vh;border:1px solid var(--line);border-radius:6px}
.scroll svg{display:block}
figure{margin:0;border:1px solid var(--line);border-radius:6px;overflow-x:auto}
figure svg{display:block;margin:0 auto;width:100%;min-width:640px;max-width:1040px;height:auto}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;text-align:right;white-space:nowrap}
th{position:sticky;top:0;background:var(--soft);font-weight:600}
tr+tr td{border-top:1px solid var(--line)}
.left{text-align:left}
td.bad{color:var(--bad);font-weight:600}
.remark{border-left:3px solid var(--bad);padding-left:10px}`

interface Column<Row> {
  readonly title: string
  readonly hint?: string
  readonly isLeft?: boolean
  readonly isBad?: (row: Row) => boolean
  readonly format: (row: Row) => string
}

const table = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>): string => {
  const heading = columns.map(({ hint, isLeft, title }) => {
    const attributes = `${isLeft === true ? ' class="left"' : ""}${hint === undefined ? "" : ` title="${escapeMarkup(hint)}"`}`
    return `<th scope="col"${attributes}>${escapeMarkup(title)}</th>`
  })
  const lines = rows.map((row) => {
    const cells = columns.map(({ format, isBad, isLeft }) => {
      const kind = isBad?.(row) === true ? ' class="bad"' : isLeft === true ? ' class="left"' : ""
      return `<td${kind}>${escapeMarkup(format(row))}</td>`
    })
    return `<tr>${cells.join("")}</tr>`
  })
  return `<div class="scroll" tabindex="0"><table><thead><tr>${heading.join("")}</tr></thead><tbody>\n${lines.join("\n")}\n</tbody></table></div>`
}

const endpoint = ({ address, port }: Endpoint.Endpoint) => (port === 0 ? address : Endpoint.format({ address, port }))

const optional = (nanoseconds: bigint | number | undefined) =>
  nanoseconds === undefined ? "" : Units.duration(Number(nanoseconds))

const rateOf = (bytes: number, { endNanos, startNanos }: Conversation) =>
  endNanos > startNanos ? Units.rate((bytes * 8) / (Number(endNanos - startNanos) / 1e9)) : ""

const conversationColumns = (startNanos: bigint): ReadonlyArray<Column<Conversation>> => [
  {
    title: "Stream",
    isLeft: true,
    hint: "Number of the stream: tcp 5 is tcp.stream == 5",
    format: ({ protocol, stream }) => (stream === undefined ? protocol : `${protocol.toLowerCase()} ${stream}`)
  },
  {
    title: "Protocol",
    isLeft: true,
    hint: "Of its messages",
    format: ({ application = "" }) => application.toUpperCase()
  },
  { title: "From", isLeft: true, format: ({ from }) => endpoint(from) },
  { title: "To", isLeft: true, format: ({ to }) => endpoint(to) },
  { title: "Packets →", format: ({ sent }) => Units.count(sent.packets) },
  { title: "Packets ←", format: ({ received }) => Units.count(received.packets) },
  { title: "Bytes →", format: ({ sent }) => Units.bytes(sent.bytes) },
  { title: "Bytes ←", format: ({ received }) => Units.bytes(received.bytes) },
  { title: "Start", format: (one) => Units.duration(Number(one.startNanos - startNanos)) },
  { title: "Duration", format: (one) => Units.duration(Number(one.endNanos - one.startNanos)) },
  {
    title: "Sent again",
    hint: "Retransmissions",
    isBad: ({ retransmissions }) => retransmissions > 0,
    format: ({ retransmissions }) => (retransmissions === 0 ? "" : Units.count(retransmissions))
  },
  { title: "RTT min", format: ({ roundTrips }) => optional(roundTrips?.min) },
  { title: "RTT median", format: ({ roundTrips }) => optional(roundTrips?.median) },
  { title: "RTT max", format: ({ roundTrips }) => optional(roundTrips?.max) },
  { title: "Handshake", hint: "From the SYN to the ACK of its answer", format: (one) => optional(one.handshakeNanos) },
  { title: "Rate →", format: (one) => rateOf(one.sent.bytes, one) },
  { title: "Rate ←", format: (one) => rateOf(one.received.bytes, one) }
]

const noteColumns: ReadonlyArray<Column<ListedNote>> = [
  { title: "Packet", format: ({ number }) => `${number}` },
  { title: "Time", format: ({ sinceStartNanos }) => DiagramLayout.formatSeconds(sinceStartNanos) },
  { title: "Stream", isLeft: true, format: ({ stream }) => `tcp ${stream}` },
  { title: "Note", isLeft: true, format: ({ note }) => TcpNote.format(note) },
  { title: "From", isLeft: true, format: ({ from }) => endpoint(from) },
  { title: "To", isLeft: true, format: ({ to }) => endpoint(to) }
]

/** A protocol, with blanks in front if it is above the one before it. */
type Total = Amount & { readonly protocol: string }

const totalsOf = ({ totals }: Report): ReadonlyArray<Total> =>
  totals.flatMap((total) => [
    total,
    ...total.applications.map((one) => ({ ...one, protocol: `\u00a0\u00a0${one.protocol.toUpperCase()}` }))
  ])

const totalColumns = (all: Report): ReadonlyArray<Column<Total>> => [
  { title: "Protocol", isLeft: true, format: ({ protocol }) => protocol },
  { title: "Packets", format: ({ packets }) => Units.count(packets) },
  { title: "Bytes", format: ({ bytes }) => Units.bytes(bytes) },
  {
    title: "Share",
    hint: "Of all bytes",
    format: ({ bytes }) => `${((100 * bytes) / Math.max(1, all.bytes)).toFixed(1)} %`
  }
]

const facts = ({ bytes, endNanos, list, notes, packets, startNanos }: Report) => {
  const seconds = Number(endNanos - startNanos) / 1e9
  const repeated = TcpNote.all
    .filter((kind) => TcpNote.isRetransmission({ kind }))
    .reduce((total, kind) => total + (notes[kind] ?? 0), 0)
  const all: ReadonlyArray<readonly [value: string, name: string]> = [
    [Units.count(packets), "packets"],
    [Units.bytes(bytes), "on the wire"],
    [Units.duration(Number(endNanos - startNanos)), "duration"],
    [Units.count(list.length), list.length === 1 ? "conversation" : "conversations"],
    [seconds > 0 ? Units.rate((bytes * 8) / seconds) : "-", "mean throughput"],
    [Units.count(repeated), "retransmissions"]
  ]
  return `<ul class="facts">${all.map(([value, name]) => `<li><b>${escapeMarkup(value)}</b>${name}</li>`).join("")}</ul>`
}

const section = (title: string, content: ReadonlyArray<string>) =>
  content.length === 0 ? [] : [`<section><h2>${title}</h2>`, ...content, "</section>"]

const paragraph = (sentence: string, kind = "dim") => `<p class="${kind}">${escapeMarkup(sentence)}</p>`

const conversationSection = ({ list, rest, startNanos, withoutAddresses }: Report) => [
  table(conversationColumns(startNanos), list.slice(0, maxRows)),
  ...(list.length > maxRows ? [paragraph(`${Units.counted(list.length - maxRows, "more conversation")}.`)] : []),
  ...(rest.packets > 0
    ? [paragraph(`${Units.counted(rest.packets, "packet")} of more conversations, ${Units.bytes(rest.bytes)}.`)]
    : []),
  ...(withoutAddresses.packets > 0
    ? [paragraph(`${Units.counted(withoutAddresses.packets, "packet")} without addresses.`)]
    : [])
]

const noteSection = ({ notes, omittedNotes, report }: Content) => {
  const counts = TcpNote.all.flatMap((kind) =>
    report.notes[kind] === undefined ? [] : [`${TcpNote.kinds[kind].text}: ${Units.count(report.notes[kind])}`]
  )
  if (counts.length === 0) return [paragraph("No retransmissions, no reordering and no full windows.")]
  return [
    paragraph(`${counts.join("; ")}.`),
    table(noteColumns, notes),
    ...(omittedNotes > 0 ? [paragraph(`${Units.counted(omittedNotes, "more note")}.`)] : [])
  ]
}

const diagramSection = ({ dissectors, omittedPackets, packets }: Content) => {
  const layout = DiagramLayout.make(packets, { dissectors, omittedPackets, maxHosts })
  if (layout.hosts.length === 0) return []
  const names = layout.leftOut.map(({ name }) => name)
  const more = names.length > 10 ? ` and ${names.length - 10} more` : ""
  return [
    `<div class="scroll" tabindex="0">${DiagramSvg.draw(layout)}</div>`,
    ...(names.length === 0
      ? []
      : [
          paragraph(
            `${layout.byPort ? "Endpoints" : "Hosts"} without a column: ${names.slice(0, 10).join(", ")}${more}.`
          )
        ])
  ]
}

/** Makes the page. @category formatting @since 0.1.0 */
export const make = (content: Content): string => {
  const { remarks, report, series, title } = content
  const start = report.packets === 0 ? undefined : Units.utc(report.startNanos)
  return `${[
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${css}</style>`,
    "</head>",
    "<body>",
    `<header><h1>${escapeMarkup(title)}</h1>${start === undefined ? "" : paragraph(`From ${start}`)}</header>`,
    ...remarks.map((remark) => paragraph(remark, "remark")),
    facts(report),
    ...section("Throughput", [`<figure>${Svg.throughput(series, { title: "" })}</figure>`]),
    ...section("Protocols", [table(totalColumns(report), totalsOf(report))]),
    ...section("Conversations", conversationSection(report)),
    ...section("Sequence diagram", diagramSection(content)),
    ...section("Notes", noteSection(content)),
    "</body>",
    "</html>"
  ].join("\n")}\n`
}
