/** The latest packets of a service, in a bounded list, and the columns of their diagram. Pure. */
import type { Arrow } from "../../Arrow.ts"
import type { Packets } from "../../PageRpc.ts"

/** A row of the diagram: a packet, or packets that were too many to show. */
export type Row =
  | { readonly _tag: "Packet"; readonly row: number; readonly arrow: Arrow }
  | { readonly _tag: "Omitted"; readonly row: number; readonly count: number }

/** The latest packets. */
export interface LiveLog {
  readonly rows: ReadonlyArray<Row>
  /** Number of the row after the last one; rows are numbered from 0 and keep their number. */
  readonly nextRow: number
  /** Number of packets since the log was begun, with those that are not shown. */
  readonly packets: number
  /** Hosts in the order of their first packet among the rows. */
  readonly hosts: ReadonlyArray<string>
}

/** Maximum number of rows: more than a reader scrolls through, and few enough to be drawn four times a second. */
export const maxRows = 160

/** The log without packets. */
export const empty: LiveLog = { rows: [], nextRow: 0, packets: 0, hosts: [] }

/** Returns the hosts of rows: those known before in their order, then new ones. */
const hostsOf = (rows: ReadonlyArray<Row>, known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const present = new Set(rows.flatMap((row) => (row._tag === "Packet" ? [row.arrow.from, row.arrow.to] : [])))
  return [...new Set([...known.filter((host) => present.has(host)), ...present])]
}

/** Adds a batch of packets; the oldest rows leave a full log. */
export const append = (log: LiveLog, { arrows, omitted }: Packets): LiveLog => {
  if (arrows.length === 0 && omitted === 0) return log
  const skipped = Math.max(0, arrows.length - maxRows)
  const count = omitted + skipped
  const gap: ReadonlyArray<Row> = count === 0 ? [] : [{ _tag: "Omitted", row: log.nextRow, count }]
  const firstRow = log.nextRow + gap.length
  const added = arrows.slice(skipped).map((arrow, at): Row => ({ _tag: "Packet", row: firstRow + at, arrow }))
  const rows = [...log.rows, ...gap, ...added].slice(-maxRows)
  return {
    rows,
    nextRow: firstRow + added.length,
    packets: log.packets + arrows.length + omitted,
    hosts: hostsOf(rows, log.hosts)
  }
}

/** The columns of a diagram with room for some of the hosts. */
export interface LiveColumns {
  /** Names of the columns; the last is that of the `others` if there are more hosts than columns. */
  readonly names: ReadonlyArray<string>
  /** Column by host. */
  readonly columnOf: ReadonlyMap<string, number>
  /** Number of hosts in the last column. */
  readonly others: number
}

/** Returns the columns: hosts of the latest packets have one of their own, in the order of the log. */
export const columnsOf = ({ hosts, rows }: LiveLog, maxColumns: number): LiveColumns => {
  const chosen = new Set<string>()
  const own = hosts.length <= maxColumns ? hosts.length : Math.max(1, maxColumns - 1)
  for (let at = rows.length - 1; at >= 0 && chosen.size < own; at--) {
    const row = rows[at]!
    if (row._tag !== "Packet") continue
    for (const host of [row.arrow.to, row.arrow.from]) if (chosen.size < own) chosen.add(host)
  }
  const names = hosts.filter((host) => chosen.has(host))
  const others = hosts.length - names.length
  const columnOf = new Map(hosts.map((host) => [host, names.length] as const))
  for (const [at, name] of names.entries()) columnOf.set(name, at)
  return { names: others === 0 ? names : [...names, `${others} others`], columnOf, others }
}
