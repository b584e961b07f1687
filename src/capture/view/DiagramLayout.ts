/** Content of a sequence diagram, independent of its format: hosts as columns and packets as rows. Pure. */
import * as Endpoint from "../../network/Endpoint.ts"
import type { Dissector, ObservedPacket } from "../../network/Packet.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import { summary } from "../Payload.ts"

/** Options of a layout. */
export interface Options {
  readonly dissectors?: ReadonlyArray<Dissector> | undefined
  readonly names?: Readonly<Record<string, string>> | undefined
  readonly maxPackets?: number | undefined
  readonly omittedPackets?: number | undefined
  readonly maxHosts: number
}

/** A packet between two columns. */
export interface Arrow {
  readonly from: number
  readonly to: number
  readonly lost: boolean
  /** The label has a remark, such as a fault. */
  readonly isMarked: boolean
  /** Time since the first packet. */
  readonly sinceStartNanos: bigint
  readonly label: string
}

/** An arrow, or the number of packets that are omitted in its place. */
export type Row = Arrow | { readonly omitted: number }

/** A host without a column, and the number of its packets. */
interface LeftOut {
  readonly name: string
  readonly packets: number
}

/** Content of a diagram. */
export interface Layout {
  readonly hosts: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
  readonly leftOut: ReadonlyArray<LeftOut>
  /** The columns are endpoints, addresses with ports, since packets stay on one host. */
  readonly byPort: boolean
}

/** Formats a time in seconds with six decimals. */
export const formatSeconds = (nanoseconds: bigint): string => {
  const text = `${nanoseconds < 0n ? -nanoseconds : nanoseconds}`.padStart(10, "0")
  return `${nanoseconds < 0n ? "-" : ""}${text.slice(0, -9)}.${text.slice(-9, -3)}`
}

const labelOf = (packet: ObservedPacket, dissectors: ReadonlyArray<Dissector>, startNanos: bigint) => {
  const { arrives, fault, lost = false } = packet
  const arrival = arrives === undefined ? "" : `, arrives ${formatSeconds(arrives - startNanos)}`
  const note =
    fault === undefined
      ? lost
        ? " [lost]"
        : ""
      : ` [${TerminalText.escape(fault)}${lost && fault !== "lost" ? ", lost" : ""}${arrival}]`
  return `${summary(packet, dissectors)}${note}`
}

/** Returns a function that names endpoints: by host, or by host and port if packets stay on one host. */
const namer =
  (byPort: boolean, names: Readonly<Record<string, string>>) =>
  ({ address, port }: Endpoint.Endpoint) => {
    const host = (Object.hasOwn(names, address) ? names[address] : undefined) ?? address
    return TerminalText.escape(byPort ? Endpoint.format({ address: host, port }) : host)
  }

/** Lays out packets; those in the middle of too many are omitted, and those of hosts without a column. */
export const make = (packets: ReadonlyArray<ObservedPacket>, options: Options): Layout => {
  const { dissectors = [], maxHosts, names = {} } = options
  const maxPackets = Math.max(2, options.maxPackets ?? 100)
  const byPort = packets.some(({ from, to }) => from.address === to.address)
  const nameOf = namer(byPort, names)
  const headCount = Math.ceil(maxPackets / 2)
  const tailStart = packets.length - (maxPackets - headCount)
  const shown = packets.length <= maxPackets ? packets : packets.filter((_, i) => i < headCount || i >= tailStart)
  const all = [...new Set(shown.flatMap(({ from, to }) => [nameOf(from), nameOf(to)]))]
  const hosts = all.slice(0, maxHosts)
  const columns = new Map(hosts.map((host, at) => [host, at]))
  const leftOut = new Map(all.slice(maxHosts).map((host) => [host, 0]))
  const startNanos = packets[0]?.at ?? 0n
  const rows: Array<Row> = []
  const omit = (count: number) => {
    const last = rows.at(-1)
    if (last !== undefined && "omitted" in last) rows[rows.length - 1] = { omitted: last.omitted + count }
    else if (count > 0) rows.push({ omitted: count })
  }
  for (const [index, packet] of shown.entries()) {
    if (index === Math.min(headCount, shown.length)) omit(packets.length - shown.length + (options.omittedPackets ?? 0))
    const ends = new Set([nameOf(packet.from), nameOf(packet.to)])
    for (const end of ends) {
      const count = leftOut.get(end)
      if (count !== undefined) leftOut.set(end, count + 1)
    }
    const [from, to] = [columns.get(nameOf(packet.from)), columns.get(nameOf(packet.to))]
    if (from === undefined || to === undefined) omit(1)
    else {
      const { at, fault, lost = false } = packet
      const isMarked = lost || fault !== undefined
      rows.push({
        from,
        to,
        lost,
        isMarked,
        sinceStartNanos: at - startNanos,
        label: labelOf(packet, dissectors, startNanos)
      })
    }
  }
  return { hosts, rows, byPort, leftOut: [...leftOut].map(([name, packets]) => ({ name, packets })) }
}
