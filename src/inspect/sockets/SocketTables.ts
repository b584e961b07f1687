/** Reads the tables of all network namespaces. */
import * as Effect from "effect/Effect"
import type { Access } from "../SocketSource.ts"
import * as InetTable from "./InetTable.ts"
import type { Socket } from "./Socket.ts"
import * as SocketRecords from "./SocketRecords.ts"
import * as UnixTable from "./UnixTable.ts"

/** Number of lines of each table that were skipped. */
export type Skipped = ReadonlyMap<string, number>

/** A folder with the tables of one namespace. */
interface NamespacePath {
  /** Number of the namespace; undefined for that of this process. */
  readonly namespace: number | undefined
  readonly path: string
}

/**
 * Finds the network namespaces of processes: the own one, and others by a process in each. `isAnyHidden` is true if the
 * namespace of a process is hidden by permissions.
 */
export const findNamespaces = (access: Access, pids: ReadonlyArray<number>) => {
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

/** A table: its file, its protocol, and the records of its rows. */
interface TableFormat {
  readonly file: string
  readonly protocol: Socket["protocol"]
  readonly parse: (
    bytes: Uint8Array,
    namespace: number | undefined
  ) => InetTable.Parsed<SocketRecords.SocketRecord | undefined>
}

const inetTable = (file: string, protocol: "tcp" | "udp", family: 4 | 6): TableFormat => ({
  file,
  protocol,
  parse: (bytes, namespace) => {
    const { rows, skippedLines } = InetTable.parse(bytes, { family, protocol })
    return { rows: rows.map((row) => SocketRecords.ofInet(row, protocol, namespace)), skippedLines }
  }
})

const tables: ReadonlyArray<TableFormat> = [
  inetTable("tcp", "tcp", 4),
  inetTable("tcp6", "tcp", 6),
  inetTable("udp", "udp", 4),
  inetTable("udp6", "udp", 6),
  {
    file: "unix",
    protocol: "unix",
    parse: (bytes, namespace) => {
      const { rows, skippedLines } = UnixTable.parse(bytes)
      return { rows: rows.map((row) => SocketRecords.ofUnix(row, namespace)), skippedLines }
    }
  }
]

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
    for (const { file, parse, protocol } of tables) {
      if (protocols !== undefined && !protocols.includes(protocol)) continue
      const bytes = access.readFile(`${path}/${file}`)
      // IPv6 may be disabled, and the process whose namespace this is may have ended.
      if (bytes === undefined) continue
      isAnyTableRead = true
      const { rows, skippedLines } = parse(bytes, namespace)
      let unknownRows = 0
      for (const record of rows) {
        if (record === undefined) unknownRows++
        else records.push(record)
      }
      if (skippedLines + unknownRows > 0) skipped.set(`${path}/${file}`, skippedLines + unknownRows)
      yield* Effect.yieldNow
    }
  }
  return { records, skipped, isAnyTableRead }
})
