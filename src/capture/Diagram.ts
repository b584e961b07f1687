/**
 * Sequence diagrams of packets: hosts side by side, time downwards, an arrow for each packet. The arrow of a lost
 * packet ends in an x.
 *
 * **Example** (A lost request and its retransmission)
 *
 * ```ts
 * import { Diagram } from "effect-inet/capture"
 *
 * const [client, server] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 7 }]
 * const bytes = new TextEncoder().encode("hello")
 * const packet = { transport: "udp", kind: "datagram", from: client, to: server, bytes, host: "client" } as const
 * const packets = [
 *   { ...packet, at: 0n, lost: true },
 *   { ...packet, at: 1_000_000_000n }
 * ]
 * const arrows = Diagram.mermaid(packets).trim().split("\n").slice(3)
 * arrows // => ['  h0-xh1: 0.000000 "hello" [lost]', '  h0->>h1: 1.000000 "hello"']
 * console.log(Diagram.text(packets, { names: { "10.0.0.2": "server" } }))
 * ```
 */
import * as Endpoint from "../network/Endpoint.ts"
import type { Dissector, ObservedPacket } from "../network/Packet.ts"
import * as TerminalText from "../network/TerminalText.ts"
import { summary } from "./Payload.ts"

/** Options of a diagram. @category models @since 0.1.0 */
export interface Options {
  /** Dissectors of payloads, in order; a payload that none of them knows is shown as text or by its length. */
  readonly dissectors?: ReadonlyArray<Dissector> | undefined
  /** Host names by address: `{ "10.0.0.1": "server" }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Width of the text in columns, 60 to 400. Default 100. */
  readonly width?: number | undefined
  /** Number of packets to show, at least 2; of more packets, those in the middle are counted only. Default 100. */
  readonly maxPackets?: number | undefined
  /** Number of packets in the middle that the caller has omitted already. Default 0. */
  readonly omittedPackets?: number | undefined
}

/** Content of a diagram, independent of its format. */
interface Layout {
  readonly hosts: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
}

interface Arrow {
  readonly from: number
  readonly to: number
  readonly lost: boolean
  /** Time since the first packet. */
  readonly sinceStartNanos: bigint
  readonly label: string
}

type Row = Arrow | { readonly omitted: number }

/** Maximum number of hosts in a diagram; packets of other hosts are only counted. */
const maxHosts = 8

const endpointsOf = ({ from, to }: ObservedPacket): ReadonlyArray<Endpoint.Endpoint> => [from, to]

const formatSeconds = (nanoseconds: bigint) => {
  const text = `${nanoseconds < 0n ? -nanoseconds : nanoseconds}`.padStart(10, "0")
  return `${nanoseconds < 0n ? "-" : ""}${text.slice(0, -9)}.${text.slice(-9, -3)}`
}

const layout = (packets: ReadonlyArray<ObservedPacket>, options: Options): Layout => {
  const { dissectors = [], names = {} } = options
  const maxPackets = Math.max(2, options.maxPackets ?? 100)
  // Endpoints on one host differ by port only.
  const byPort = packets.some(({ from, to }) => from.address === to.address)
  const nameOf = ({ address, port }: Endpoint.Endpoint) => {
    const host = (Object.hasOwn(names, address) ? names[address] : undefined) ?? address
    return TerminalText.escape(byPort ? Endpoint.format({ address: host, port }) : host)
  }
  const headCount = Math.ceil(maxPackets / 2)
  const tailStart = packets.length - (maxPackets - headCount)
  const shown = packets.length <= maxPackets ? packets : packets.filter((_, i) => i < headCount || i >= tailStart)
  const hosts = [...new Set(shown.flatMap((packet) => endpointsOf(packet).map(nameOf)))].slice(0, maxHosts)
  const startNanos = packets[0]?.at ?? 0n
  const rows: Array<Row> = []
  const omit = (count: number) => {
    const last = rows.at(-1)
    if (last !== undefined && "omitted" in last) rows[rows.length - 1] = { omitted: last.omitted + count }
    else if (count > 0) rows.push({ omitted: count })
  }
  for (const [index, packet] of shown.entries()) {
    if (index === Math.min(headCount, shown.length)) omit(packets.length - shown.length + (options.omittedPackets ?? 0))
    const [from, to] = endpointsOf(packet).map((endpoint) => hosts.indexOf(nameOf(endpoint))) as [number, number]
    if (from < 0 || to < 0) omit(1)
    else {
      const { arrives, at, fault, lost = false } = packet
      const arrival = arrives === undefined ? "" : `, arrives ${formatSeconds(arrives - startNanos)}`
      const note =
        fault === undefined
          ? lost
            ? " [lost]"
            : ""
          : ` [${TerminalText.escape(fault)}${lost && fault !== "lost" ? ", lost" : ""}${arrival}]`
      rows.push({ from, to, lost, sinceStartNanos: at - startNanos, label: `${summary(packet, dissectors)}${note}` })
    }
  }
  return { hosts, rows }
}

const omittedText = (count: number) => (count === 1 ? "1 packet omitted" : `${count} packets omitted`)

/** Truncates a text to a width in columns; each character counts as one column. */
const truncate = (text: string, width: number) => {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`
}

/** Truncates a text on the left: hosts of one network, and ports of one host, differ at the end. */
const truncateStart = (text: string, width: number) => {
  const characters = Array.from(text)
  return characters.length <= width ? text : `…${characters.slice(characters.length - Math.max(0, width - 1)).join("")}`
}

const center = (text: string, width: number) => {
  const shown = truncate(text, width)
  const padding = width - Array.from(shown).length
  return `${" ".repeat(Math.floor(padding / 2))}${shown}${" ".repeat(Math.ceil(padding / 2))}`
}

/** Width of the time in front of each line. */
const timeColumns = 12

/** Draws one line of host columns with the arrow of a packet. */
const drawArrow = ({ from, lost, to }: Arrow, hostCount: number, columnWidth: number): string => {
  const cells = Array.from({ length: hostCount * columnWidth }, () => " ")
  const middle = (index: number) => index * columnWidth + Math.floor(columnWidth / 2)
  for (let i = 0; i < hostCount; i++) cells[middle(i)] = "|"
  if (from === to) {
    cells[middle(from)] = lost ? "x" : "o"
    return cells.join("")
  }
  const isRightward = to > from
  const start = middle(from) + (isRightward ? 1 : -1)
  const end = middle(to) + (isRightward ? -1 : 1)
  // The arrow of a lost packet ends halfway.
  const tip = lost ? Math.round((start + end) / 2) : end
  for (let i = start; isRightward ? i <= tip : i >= tip; i += isRightward ? 1 : -1) cells[i] = "-"
  cells[tip] = lost ? "x" : isRightward ? ">" : "<"
  return cells.join("")
}

/** Formats a diagram for a terminal; no line is wider than `width`. @category formatting @since 0.1.0 */
export const text = (packets: ReadonlyArray<ObservedPacket>, options: Options = {}): string => {
  const { hosts, rows } = layout(packets, options)
  if (hosts.length === 0) return "no packets\n"
  const width = Math.min(400, Math.max(60, options.width ?? 100))
  const columnWidth = Math.max(4, Math.min(24, Math.floor((width - timeColumns) / 2 / hosts.length)))
  const labelWidth = width - timeColumns - hosts.length * columnWidth - 2
  const heading = `${" ".repeat(timeColumns)}${hosts.map((host) => center(truncateStart(host, columnWidth - 1), columnWidth - 1)).join(" ")}`
  const lines = rows.map((row) =>
    "omitted" in row
      ? `${" ".repeat(timeColumns)}${center(`... ${omittedText(row.omitted)} ...`, hosts.length * columnWidth)}`
      : `${formatSeconds(row.sinceStartNanos).padStart(timeColumns - 1)} ${drawArrow(row, hosts.length, columnWidth)}  ${truncate(row.label, labelWidth)}`
  )
  return [heading, ...lines].map((line) => `${line.trimEnd()}\n`).join("")
}

/** Replaces characters of Mermaid's syntax by entities. */
const escapeMermaid = (text: string) => text.replaceAll(/[#;:<>\\%&]/g, (character) => `#${character.charCodeAt(0)};`)

/** Formats a Mermaid sequence diagram, which Markdown viewers draw. @category formatting @since 0.1.0 */
export const mermaid = (packets: ReadonlyArray<ObservedPacket>, options: Options = {}): string => {
  const { hosts, rows } = layout(packets, options)
  const participants = hosts.map((host, i) => `  participant h${i} as ${escapeMermaid(host)}`)
  const last = hosts.length - 1
  const over = last === 0 ? "h0" : `h0,h${last}`
  const lines = rows.map((row) =>
    "omitted" in row
      ? `  Note over ${over}: ${omittedText(row.omitted)}`
      : `  h${row.from}${row.lost ? "-x" : "->>"}h${row.to}: ${formatSeconds(row.sinceStartNanos)} ${escapeMermaid(row.label)}`
  )
  return `${["sequenceDiagram", ...participants, ...lines].join("\n")}\n`
}
