/** Reads the tables of all network namespaces. */
import * as Effect from "effect/Effect"
import type { Access } from "../SocketSource.ts"
import * as InetTable from "./InetTable.ts"
import type { Socket } from "./Socket.ts"
import * as SocketRecords from "./SocketRecords.ts"
import * as UnixTable from "./UnixTable.ts"

/** A folder with the tables of one namespace. */
interface NamespacePath {
  /** Number of the namespace; undefined for that of this process. */
  readonly namespace: number | undefined
  readonly path: string
}

/** The network namespaces of the processes. */
export interface Namespaces {
  /** Folders of the namespaces, the own one first. */
  readonly paths: ReadonlyArray<NamespacePath>
  /** True if permissions hide the namespace of a process. */
  readonly isAnyHidden: boolean
}

/** Finds the network namespaces of processes: the own one, and others by a process in each. */
export const findNamespaces = (access: Access, pids: ReadonlyArray<number>): Namespaces => {
  const own = access.networkNamespace("self")
  const paths: Array<NamespacePath> = [{ namespace: undefined, path: "/proc/net" }]
  const seen = new Set<number | undefined>([own])
  let isAnyHidden = false
  if (own === undefined) return { paths, isAnyHidden }
  for (const pid of pids) {
    const namespace = access.networkNamespace(pid)
    if (namespace === undefined) {
      // A process that has ended meanwhile is not hidden.
      isAnyHidden ||= access.readFile(`/proc/${pid}/comm`) !== undefined
      continue
    }
    if (seen.has(namespace)) continue
    seen.add(namespace)
    paths.push({ namespace, path: `/proc/${pid}/net` })
  }
  return { paths, isAnyHidden }
}

/** A table: its file, its protocol, and its parser. */
interface TableFormat {
  readonly file: string
  readonly protocol: Socket["protocol"]
  readonly parse: (bytes: Uint8Array, namespace: number | undefined) => InetTable.Parsed<SocketRecords.SocketRecord>
}

const inetTable = (file: string, protocol: "tcp" | "udp", family: 4 | 6): TableFormat => ({
  file,
  protocol,
  parse: (bytes, namespace) =>
    InetTable.parse(bytes, { family, protocol }, (row) => SocketRecords.ofInet(row, protocol, namespace))
})

const tables: ReadonlyArray<TableFormat> = [
  inetTable("tcp", "tcp", 4),
  inetTable("tcp6", "tcp", 6),
  inetTable("udp", "udp", 4),
  inetTable("udp6", "udp", 6),
  {
    file: "unix",
    protocol: "unix",
    parse: (bytes, namespace) => UnixTable.parse(bytes, (row) => SocketRecords.ofUnix(row, namespace))
  }
]

/** Counts of sockets in /proc/net/sockstat and sockstat6: `TCP: inuse 5 orphan 0 tw 2 alloc 8 mem 1`. */
const counts = /^(TCP6?|UDP6?): inuse (\d+)(?: orphan \d+ tw (\d+))?/gm

/**
 * Returns the names of the tables that have no sockets, from the counts of a namespace. To write one of TCP, the kernel
 * walks through the connections of all namespaces: it takes milliseconds, also if there is none.
 */
export const emptyTables = (text: string): ReadonlySet<string> => {
  const used = new Map<string, number>()
  let timeWaits: number | undefined
  for (const [, name = "", inUse, waiting] of text.matchAll(counts)) {
    used.set(name.toLowerCase(), Number(inUse))
    if (waiting !== undefined) timeWaits = Number(waiting)
  }
  // Connections in TIME-WAIT are counted apart, and together for both families.
  const isEmpty = (name: string) => used.get(name) === 0 && (name.startsWith("udp") || timeWaits === 0)
  return new Set([...used.keys()].filter(isEmpty))
}

const utf8 = new TextDecoder()

const textOf = (bytes: Uint8Array | undefined) => (bytes === undefined ? "" : utf8.decode(bytes))

/** Reads the tables of some protocols, all by default. Other fibers get a turn between two tables. */
export const read = Effect.fnUntraced(function* (
  access: Access,
  namespaces: ReadonlyArray<NamespacePath>,
  protocols?: ReadonlyArray<Socket["protocol"]>
) {
  const records: Array<SocketRecords.SocketRecord> = []
  const skipped = new Map<string, number>()
  let isAnyTableRead = false
  for (const { namespace, path } of namespaces) {
    const counts = ["sockstat", "sockstat6"].map((file) => textOf(access.readFile(`${path}/${file}`)))
    const empty = emptyTables(counts.join(""))
    isAnyTableRead ||= empty.size > 0
    for (const { file, parse, protocol } of tables) {
      if (empty.has(file) || (protocols !== undefined && !protocols.includes(protocol))) continue
      const bytes = access.readFile(`${path}/${file}`)
      // IPv6 may be disabled, and the process whose namespace this is may have ended.
      if (bytes === undefined) continue
      isAnyTableRead = true
      const { rows, skippedLines } = parse(bytes, namespace)
      for (const record of rows) records.push(record)
      if (skippedLines > 0) skipped.set(`${path}/${file}`, skippedLines)
      yield* Effect.yieldNow
    }
  }
  return { records, skippedLines: skipped, isAnyTableRead }
})
