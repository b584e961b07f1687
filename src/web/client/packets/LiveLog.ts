/** The latest packets of a service, in a bounded list, and the columns of their diagram. Pure. */
import type { Packets } from "../../PageRpc.ts"
import type * as Fate from "../diagram/Fate.ts"
import * as Clients from "./Clients.ts"
import * as Repeats from "./Repeats.ts"

/** A row of the diagram: a packet, or packets that were too many to show. */
export type Row =
  | {
      readonly _tag: "Packet"
      readonly row: number
      readonly arrow: Fate.Packet
      /** True if the packet is seen on its way once: of more than a few a second, an eye follows none. */
      readonly isMoving: boolean
    }
  | { readonly _tag: "Omitted"; readonly row: number; readonly count: number }

/** The latest packets. */
export interface LiveLog {
  readonly rows: ReadonlyArray<Row>
  /** Number of the row after the last one; rows are numbered from 0 and keep their number. */
  readonly nextRow: number
  /** Number of packets since the log was begun, with those that are not shown. */
  readonly packets: number
  /** Number of packets of other clients than the chosen one, since it was chosen. */
  readonly ofOthers: number
  /** Hosts in the order of their first packet among the rows. */
  readonly hosts: ReadonlyArray<string>
  /** The client whose packets are shown; undefined for all. */
  readonly client: string | undefined
  readonly clients: Clients.Clients
  readonly repeats: Repeats.Repeats
}

/** Maximum number of rows: more than a reader scrolls through, and few enough to be drawn four times a second. */
export const maxRows = 160

/** Maximum number of packets of a batch that move: batches come up to four times a second. */
const maxMovingRows = 2

/** The log without packets. */
export const empty: LiveLog = {
  rows: [],
  nextRow: 0,
  packets: 0,
  ofOthers: 0,
  hosts: [],
  client: undefined,
  clients: Clients.none,
  repeats: Repeats.none
}

/** Returns a log without packets, of the same client. The clients that were seen can still be chosen. */
export const clear = ({ client, clients }: LiveLog): LiveLog => ({ ...empty, client, clients })

/** Returns the hosts of rows: those known before in their order, then new ones. */
const hostsOf = (rows: ReadonlyArray<Row>, known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const present = new Set(rows.flatMap((row) => (row._tag === "Packet" ? [row.arrow.from, row.arrow.to] : [])))
  return [...new Set([...known.filter((host) => present.has(host)), ...present])]
}

const isOf = ({ from, to }: Fate.Packet, client: string | undefined) =>
  client === undefined || from === client || to === client

/** Shows the packets of one client from now on, and of those before what there is; undefined for all clients. */
export const choose = (log: LiveLog, client: string | undefined): LiveLog => {
  if (client === log.client) return log
  const rows = log.rows
    .filter((row) => row._tag === "Packet" && isOf(row.arrow, client))
    .map((row, at): Row => ({ ...row, row: log.nextRow + at }))
  return { ...log, client, ofOthers: 0, rows, nextRow: log.nextRow + rows.length, hosts: hostsOf(rows, log.hosts) }
}

/** Adds packets that are not shown to rows: to the last row if it is such a one. */
const addOmitted = (rows: ReadonlyArray<Row>, nextRow: number, count: number): ReadonlyArray<Row> => {
  const last = rows.at(-1)
  if (count === 0) return rows
  return last?._tag === "Omitted"
    ? [...rows.slice(0, -1), { ...last, count: last.count + count }]
    : [...rows, { _tag: "Omitted", row: nextRow, count }]
}

/** Adds a batch of packets; the oldest rows leave a full log. `port` is that of the service, if it is known. */
export const append = (log: LiveLog, { arrows, omitted }: Packets, port?: string): LiveLog => {
  if (arrows.length === 0 && omitted === 0) return log
  const [repeats, packets] = Repeats.mark(log.repeats, arrows)
  const own = packets.filter((packet) => isOf(packet, log.client))
  const skipped = Math.max(0, own.length - maxRows)
  const before = addOmitted(log.rows, log.nextRow, omitted + skipped)
  const firstRow = log.nextRow + before.length - log.rows.length
  const isMoving = own.length <= maxMovingRows && omitted === 0
  const added = own.slice(skipped).map((arrow, at): Row => ({ _tag: "Packet", row: firstRow + at, arrow, isMoving }))
  const rows = [...before, ...added].slice(-maxRows)
  return {
    rows,
    nextRow: firstRow + added.length,
    packets: log.packets + arrows.length + omitted,
    ofOthers: log.ofOthers + arrows.length - own.length,
    hosts: hostsOf(rows, log.hosts),
    client: log.client,
    clients: Clients.add(log.clients, arrows, port),
    repeats
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
