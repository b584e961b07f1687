/**
 * Sequence diagrams of what was seen: hosts side by side, time downwards, an arrow for each packet. Lost packets end
 * in an x.
 */
import * as Endpoint from "../network/Endpoint.ts"
import type { Dissector, ObservedPacket } from "../network/Packet.ts"
import { safe, summary } from "./Payload.ts"

/** @category models @since 0.1.0 */
export interface Options {
  /** What reads the payloads; without one that knows them, their text or length is shown. */
  readonly dissectors?: ReadonlyArray<Dissector> | undefined
  /** Names of addresses: `{ "10.0.0.1": "server" }`. */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Columns of the text, 60 to 400. Default 100. */
  readonly width?: number | undefined
  /** Packets to show; of more, those in the middle are counted only. Default 100. */
  readonly most?: number | undefined
  /** Packets that were left out before, in the middle. Default 0. */
  readonly leftOut?: number | undefined
}

/** A diagram before it is drawn. */
interface Plan {
  readonly hosts: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
}

interface Arrow {
  readonly from: number
  readonly to: number
  readonly lost: boolean
  /** Nanoseconds since the first packet. */
  readonly since: bigint
  readonly label: string
}

type Row = Arrow | { readonly leftOut: number }

/** Hosts to a diagram; packets of others are only counted. */
const maxHosts = 8

const both = ({ from, to }: ObservedPacket): ReadonlyArray<Endpoint.Endpoint> => [from, to]

const seconds = (nanoseconds: bigint) => {
  const text = `${nanoseconds < 0n ? -nanoseconds : nanoseconds}`.padStart(10, "0")
  return `${nanoseconds < 0n ? "-" : ""}${text.slice(0, -9)}.${text.slice(-9, -3)}`
}

const plan = (sightings: ReadonlyArray<ObservedPacket>, options: Options): Plan => {
  const { dissectors = [], names = {} } = options
  const most = Math.max(2, options.most ?? 100)
  // On one host ends differ by their port only.
  const byPort = sightings.some(({ from, to }) => from.address === to.address)
  const nameOf = ({ address, port }: Endpoint.Endpoint) => {
    const host = names[address] ?? address
    return safe(byPort ? Endpoint.format({ address: host, port }) : host)
  }
  const head = Math.ceil(most / 2)
  const tail = sightings.length - (most - head)
  const shown = sightings.length <= most ? sightings : sightings.filter((_, i) => i < head || i >= tail)
  const hosts = [...new Set(shown.flatMap((sighting) => both(sighting).map(nameOf)))].slice(0, maxHosts)
  const first = sightings[0]?.at ?? 0n
  const rows: Array<Row> = []
  const skip = (count: number) => {
    const last = rows.at(-1)
    if (last !== undefined && "leftOut" in last) rows[rows.length - 1] = { leftOut: last.leftOut + count }
    else if (count > 0) rows.push({ leftOut: count })
  }
  for (const [index, sighting] of shown.entries()) {
    if (index === Math.min(head, shown.length)) skip(sightings.length - shown.length + (options.leftOut ?? 0))
    const [from, to] = both(sighting).map((peer) => hosts.indexOf(nameOf(peer))) as [number, number]
    if (from < 0 || to < 0) skip(1)
    else {
      const { arrives, at, fault, lost = false } = sighting
      const late = arrives === undefined ? "" : `, arrives ${seconds(arrives - first)}`
      const note =
        fault === undefined
          ? lost
            ? " [lost]"
            : ""
          : ` [${safe(fault)}${lost && fault !== "lost" ? ", lost" : ""}${late}]`
      rows.push({ from, to, lost, since: at - first, label: `${summary(sighting, dissectors)}${note}` })
    }
  }
  return { hosts, rows }
}

const missing = (count: number) => (count === 1 ? "1 packet left out" : `${count} packets left out`)

/** A text of so many columns, cut or filled; characters count as one column each. */
const clipped = (text: string, width: number) => {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`
}

const centered = (text: string, width: number) => {
  const cut = clipped(text, width)
  const room = width - Array.from(cut).length
  return `${" ".repeat(Math.floor(room / 2))}${cut}${" ".repeat(Math.ceil(room / 2))}`
}

const clock = 12

/** The line between the hosts, with the arrow in it. */
const drawn = ({ from, lost, to }: Arrow, hosts: number, column: number): string => {
  const line = Array.from({ length: hosts * column }, () => " ")
  const middle = (index: number) => index * column + Math.floor(column / 2)
  for (let i = 0; i < hosts; i++) line[middle(i)] = "|"
  if (from === to) {
    line[middle(from)] = lost ? "x" : "o"
    return line.join("")
  }
  const right = to > from
  const start = middle(from) + (right ? 1 : -1)
  const end = middle(to) + (right ? -1 : 1)
  // A lost packet does not get there.
  const stop = lost ? Math.round((start + end) / 2) : end
  for (let i = start; right ? i <= stop : i >= stop; i += right ? 1 : -1) line[i] = "-"
  line[stop] = lost ? "x" : right ? ">" : "<"
  return line.join("")
}

/** A diagram for a terminal; no line is wider than asked. @category formatting @since 0.1.0 */
export const text = (sightings: ReadonlyArray<ObservedPacket>, options: Options = {}): string => {
  const { hosts, rows } = plan(sightings, options)
  if (hosts.length === 0) return "no packets\n"
  const width = Math.min(400, Math.max(60, options.width ?? 100))
  const column = Math.max(4, Math.min(24, Math.floor((width - clock) / 2 / hosts.length)))
  const label = width - clock - hosts.length * column - 2
  const heading = `${" ".repeat(clock)}${hosts.map((host) => centered(host, column - 1)).join(" ")}`
  const lines = rows.map((row) =>
    "leftOut" in row
      ? `${" ".repeat(clock)}${centered(`... ${missing(row.leftOut)} ...`, hosts.length * column)}`
      : `${seconds(row.since).padStart(clock - 1)} ${drawn(row, hosts.length, column)}  ${clipped(row.label, label)}`
  )
  return [heading, ...lines].map((line) => `${line.trimEnd()}\n`).join("")
}

/** Characters that mean something to Mermaid, as its entities. */
const entities = (text: string) => text.replaceAll(/[#;:<>\\%&]/g, (one) => `#${one.charCodeAt(0)};`)

/** A Mermaid sequence diagram, as Markdown viewers draw it. @category formatting @since 0.1.0 */
export const mermaid = (sightings: ReadonlyArray<ObservedPacket>, options: Options = {}): string => {
  const { hosts, rows } = plan(sightings, options)
  const participants = hosts.map((host, i) => `  participant h${i} as ${entities(host)}`)
  const last = hosts.length - 1
  const over = last === 0 ? "h0" : `h0,h${last}`
  const lines = rows.map((row) =>
    "leftOut" in row
      ? `  Note over ${over}: ${missing(row.leftOut)}`
      : `  h${row.from}${row.lost ? "-x" : "->>"}h${row.to}: ${seconds(row.since)} ${entities(row.label)}`
  )
  return `${["sequenceDiagram", ...participants, ...lines].join("\n")}\n`
}
