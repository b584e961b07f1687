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
import type { Dissector, ObservedPacket } from "../network/Packet.ts"
import * as DiagramLayout from "./view/DiagramLayout.ts"
import * as HostLabels from "./view/HostLabels.ts"

const { formatSeconds } = DiagramLayout

/** Options of a diagram. @category models @since 0.1.0 */
export interface Options {
  /** Dissectors of payloads, in order; a payload that none of them knows is shown as text or by its length. */
  readonly dissectors?: ReadonlyArray<Dissector> | undefined
  /** Host names by address: `{ "10.0.0.1": "server" }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Width of the text in columns, 60 to 400. Default 100. It has room for 3 to 46 hosts; others are named below. */
  readonly width?: number | undefined
  /** Number of packets to show, at least 2; of more packets, those in the middle are counted only. Default 100. */
  readonly maxPackets?: number | undefined
  /** Number of packets in the middle that the caller has omitted already. Default 0. */
  readonly omittedPackets?: number | undefined
}

const omittedText = (count: number) => (count === 1 ? "1 packet omitted" : `${count} packets omitted`)

const lengthOf = (text: string) => Array.from(text).length

/** Truncates a text to a width in columns; each character counts as one column. */
const truncate = (text: string, width: number) => {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`
}

const center = (text: string, width: number) => {
  const shown = truncate(text, width)
  const padding = width - lengthOf(shown)
  return `${" ".repeat(Math.floor(padding / 2))}${shown}${" ".repeat(Math.ceil(padding / 2))}`
}

/** Width of the time in front of each line. */
const timeColumns = 12

/** Width of the column of a host; the smallest one holds a blank and a port, `…:65535`. */
const [minHostColumns, maxHostColumns] = [8, 24]

/** Minimum width of the labels of packets, with the blanks before them. */
const minLabelColumns = 18

/** Draws one line of host columns with the arrow of a packet. */
const drawArrow = ({ from, lost, to }: DiagramLayout.Arrow, hostCount: number, columnWidth: number): string => {
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

/** Names the hosts without a column, as many as fit into one line. */
const leftOutText = ({ byPort, leftOut }: DiagramLayout.Layout, width: number): string => {
  const noun = byPort ? "endpoint" : "host"
  const items = leftOut.map(({ name, packets }) => `${name} (${packets === 1 ? "1 packet" : `${packets} packets`})`)
  const format = (count: number) => {
    const more = items.length - count
    const named = items.slice(0, count).join(", ")
    const rest = more === 1 ? `1 ${noun}` : `${more} ${noun}s`
    return `left out: ${more === 0 ? named : count === 0 ? rest : `${named} and ${rest} more`}`
  }
  let count = items.length
  while (count > 0 && lengthOf(format(count)) > width) count--
  return truncate(format(count), width)
}

/** Formats a diagram for a terminal; no line is wider than `width`. @category formatting @since 0.1.0 */
export const text = (packets: ReadonlyArray<ObservedPacket>, options: Options = {}): string => {
  const width = Math.min(400, Math.max(60, options.width ?? 100))
  const maxHosts = Math.floor((width - timeColumns - minLabelColumns) / minHostColumns)
  const layout = DiagramLayout.make(packets, { ...options, maxHosts })
  const { hosts, leftOut, rows } = layout
  if (hosts.length === 0) return "no packets\n"
  const share = Math.floor((width - timeColumns) / 2 / hosts.length)
  const columnWidth = Math.max(minHostColumns, Math.min(maxHostColumns, share))
  const labelWidth = width - timeColumns - hosts.length * columnWidth - 2
  const { labels, legend } = HostLabels.make(hosts, columnWidth - 1, width)
  const heading = `${" ".repeat(timeColumns)}${labels.map((label) => center(label, columnWidth - 1)).join(" ")}`
  const omitted = (count: number) => `... ${omittedText(count)} ...`
  const lines = rows.map((row) =>
    "omitted" in row
      ? `${" ".repeat(timeColumns)}${center(omitted(row.omitted), Math.max(hosts.length * columnWidth, omitted(row.omitted).length))}`
      : `${formatSeconds(row.sinceStartNanos).padStart(timeColumns - 1)} ${drawArrow(row, hosts.length, columnWidth)}  ${truncate(row.label, labelWidth)}`
  )
  const notes = leftOut.length === 0 ? [] : [leftOutText(layout, width)]
  return [...legend, heading, ...lines, ...notes].map((line) => `${truncate(line, width).trimEnd()}\n`).join("")
}

/** Maximum number of hosts in a diagram of Mermaid. */
const maxMermaidHosts = 16

/** Replaces characters of Mermaid's syntax by entities. */
const escapeMermaid = (text: string) => text.replaceAll(/[#;:<>\\%&]/g, (character) => `#${character.charCodeAt(0)};`)

/** Formats a Mermaid sequence diagram, which Markdown viewers draw. @category formatting @since 0.1.0 */
export const mermaid = (packets: ReadonlyArray<ObservedPacket>, options: Options = {}): string => {
  const layout = DiagramLayout.make(packets, { ...options, maxHosts: maxMermaidHosts })
  const { hosts, leftOut, rows } = layout
  const participants = hosts.map((host, i) => `  participant h${i} as ${escapeMermaid(host)}`)
  const last = hosts.length - 1
  const over = last === 0 ? "h0" : `h0,h${last}`
  const lines = rows.map((row) =>
    "omitted" in row
      ? `  Note over ${over}: ${omittedText(row.omitted)}`
      : `  h${row.from}${row.lost ? "-x" : "->>"}h${row.to}: ${formatSeconds(row.sinceStartNanos)} ${escapeMermaid(row.label)}`
  )
  const notes = leftOut.length === 0 ? [] : [`  Note over ${over}: ${escapeMermaid(leftOutText(layout, 200))}`]
  return `${["sequenceDiagram", ...participants, ...lines, ...notes].join("\n")}\n`
}
