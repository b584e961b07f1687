/**
 * The sockets of this host with their processes, as ss(8) and lsof(8) show them: from /proc, without root, Linux only.
 *
 * What /proc does not show is undefined: the limit of a listener's backlog, the peer and the queues of a unix socket,
 * the interface of an address, and the sockets of other users' processes, which only root sees.
 *
 * **Example** (The sockets that listen, and what has changed between two lists)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { SocketSource, SocketTable } from "effect-inet/inspect"
 *
 * const titles = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
 * const row = (port: string, state: string) =>
 *   `   0: 0100007F:${port} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  0  0 4242 1 0\n`
 * const list = (table: string) => {
 *   const source = SocketSource.fromFiles(new Map([["/proc/net/tcp", new TextEncoder().encode(titles + table)]]))
 *   return Effect.provideService(SocketTable.list({ listening: true }), SocketSource.SocketSource, source)
 * }
 *
 * const [before, after] = await Effect.runPromise(
 *   Effect.all([list(row("042B", "0A")), list(row("0050", "0A") + row("1000", "01"))])
 * )
 * before.sockets.map(({ service }) => service) // => ["rot13"]
 * after.sockets.map(({ service }) => service) // => ["http"]
 * SocketTable.diff(before.sockets, after.sockets).map(({ kind }) => kind) // => ["new", "gone"]
 * ```
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as ServiceNames from "../network/names/ServiceNames.ts"
import * as Quantity from "../network/Quantity.ts"
import { type Access, SocketSource } from "./SocketSource.ts"
import * as PortServices from "./sockets/PortServices.ts"
import * as ProcessFiles from "./sockets/ProcessFiles.ts"
import * as ProcessSearch from "./sockets/ProcessSearch.ts"
import type { Socket, SocketList, State } from "./sockets/Socket.ts"
import * as SocketDiff from "./sockets/SocketDiff.ts"
import * as SocketFilter from "./sockets/SocketFilter.ts"
import type { SocketRecord } from "./sockets/SocketRecords.ts"
import * as SocketTables from "./sockets/SocketTables.ts"

export type {
  Ownership,
  Socket,
  SocketEndpoint,
  SocketHolder,
  SocketList,
  SocketProcess,
  SocketTimer,
  State
} from "./sockets/Socket.ts"
export type { SocketChange } from "./sockets/SocketDiff.ts"

/** Failure to list sockets: the system has no /proc, or it cannot be read. @category errors @since 0.1.0 */
export class SocketTableError extends Data.TaggedError("SocketTableError")<{
  readonly reason: "Unsupported" | "Unreadable"
  readonly message: string
}> {}

/** Options of a list. @category models @since 0.1.0 */
export interface Options extends SocketFilter.Filter {
  /** Names of services. Default: the built-in ones. */
  readonly services?: ServiceNames.Table | undefined
  /**
   * Sockets of other network namespaces, too, such as those of containers, as far as they can be read. Default: only if
   * a process is given, which may have one of its own.
   */
  readonly otherNamespaces?: boolean | undefined
}

/** Options of a repeated list. @category models @since 0.1.0 */
export interface WatchOptions extends Options {
  /** Time between two lists. Default 2 seconds. */
  readonly interval?: Duration.Input | undefined
}

/** A list, and its changes since the previous one. @category models @since 0.1.0 */
export interface Update {
  readonly list: SocketList
  /** Changes; at first, all sockets as `present`. */
  readonly changes: ReadonlyArray<SocketDiff.SocketChange>
}

const rootUserId = 0

/** Marks the sockets of processes that this one must not see; returns their number. */
const markHidden = (sockets: ReadonlyArray<SocketRecord>, deniedProcesses: number, uid: number): number => {
  let hidden = 0
  for (const socket of sockets) {
    if (socket.ownership !== "none") continue
    // Where /proc hides whole processes, none is denied.
    if (deniedProcesses === 0 && (uid === rootUserId || socket.uid === uid)) continue
    socket.ownership = "hidden"
    hidden++
  }
  return hidden
}

/** Processes whose files are hidden, and the remedy: root is hindered by a container or a security policy only. */
const hiddenProcesses = (uid: number) =>
  uid === rootUserId
    ? ["processes that root must not inspect here", "allow CAP_SYS_PTRACE to see"]
    : ["processes of other users", "run as root to see"]

/** Facts about the sockets that are not in a list. */
interface Omitted {
  readonly hiddenSockets: number
  readonly uid: number
  readonly isNamespaceHidden: boolean
  readonly skippedLines: ReadonlyMap<string, number>
}

/** Describes skipped lines. The kernel prints the names of unix sockets as they are, also those with a line break. */
const describeSkipped = (path: string, lines: number) =>
  path.endsWith("/unix")
    ? `${path}: ${Quantity.format(lines, "line was", "lines were")} skipped: the rest of a name with a line break, or malformed`
    : `${path}: ${Quantity.format(lines, "malformed line was", "malformed lines were")} skipped`

const notesOf = ({ hiddenSockets, isNamespaceHidden, skippedLines, uid }: Omitted) => {
  const [processes, remedy] = hiddenProcesses(uid)
  // A process may have ended meanwhile, or a descriptor be on its way in a message: who has the socket is not known.
  const sockets = `no process is known for ${Quantity.format(hiddenSockets, "socket")}`
  return [
    ...(hiddenSockets === 0 ? [] : [`${sockets}, and ${processes} are hidden; ${remedy} theirs`]),
    ...(isNamespaceHidden ? [`the network namespaces of ${processes} are not listed; ${remedy} their sockets`] : []),
    ...Array.from(skippedLines, ([path, lines]) => describeSkipped(path, lines))
  ]
}

/** Reads the user of this process; root if /proc does not state it. */
const ownUid = (access: Access) =>
  ProcessFiles.parseStatus(access.readFile("/proc/self/status") ?? new Uint8Array(0))?.effectiveUid ?? rootUserId

const usersOf = (access: Access) => ProcessFiles.parseUsers(access.readFile("/etc/passwd") ?? new Uint8Array(0))

const maxBacklogOf = (access: Access) => {
  const text = new TextDecoder().decode(access.readFile("/proc/sys/net/core/somaxconn") ?? new Uint8Array(0))
  return /^\d{1,10}\n$/.test(text) ? Number(text) : undefined
}

const unsupported = (platform: string) =>
  new SocketTableError({
    reason: "Unsupported",
    message: `cannot list sockets: ${platform} has no /proc/net (Linux only); use netstat -an or lsof -i`
  })

const unreadable = () =>
  new SocketTableError({
    reason: "Unreadable",
    message: "cannot list sockets: no table in /proc/net can be read; mount /proc"
  })

/** Returns the protocols to read: unix sockets have no port, so that with a port their table is not needed. */
const protocolsOf = ({ port, protocols = SocketFilter.protocols }: SocketFilter.Filter) => {
  const withPorts = protocols.filter((protocol) => protocol !== "unix")
  return port === undefined || withPorts.length === 0 ? protocols : withPorts
}

/** Reads the tables of the own namespace, or of all that are shown. */
const readTables = Effect.fnUntraced(function* (access: Access, pids: ReadonlyArray<number>, options: Options) {
  const namespaces = SocketTables.findNamespaces(access, pids)
  const areAllListed = options.otherNamespaces ?? options.pid !== undefined
  const paths = areAllListed ? namespaces.paths : namespaces.paths.slice(0, 1)
  const tables = yield* SocketTables.read(access, paths, protocolsOf(options))
  if (!tables.isAnyTableRead) return yield* unreadable()
  return {
    ...tables,
    isNamespaceHidden: namespaces.isAnyHidden && areAllListed,
    omittedNamespaces: namespaces.paths.length - paths.length
  }
})

/**
 * Counts the sockets that meet all conditions but that of the process, for which each process would be searched.
 *
 * @category combinators
 * @since 0.1.0
 */
export const count = Effect.fnUntraced(function* (
  options: Omit<Options, "pid" | "services"> = {}
): Effect.fn.Return<number, SocketTableError, SocketSource> {
  const access = yield* SocketSource
  if (access.platform !== "linux") return yield* unsupported(access.platform)
  const pids = options.otherNamespaces === true ? access.processes() : []
  const { records } = yield* readTables(access, pids, options)
  return records.filter((socket) => SocketFilter.matchesRow(socket, options)).length
})

/**
 * Lists the sockets of this host that meet all conditions, in a stable order: listeners first, then by port.
 *
 * The files are read synchronously, since that takes a tenth of the time: 10,000 sockets block the thread for about 100
 * ms in turns of some 10 ms. A server should not call it for each client.
 *
 * @category combinators
 * @since 0.1.0
 */
export const list = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<SocketList, SocketTableError, SocketSource> {
  const access = yield* SocketSource
  if (access.platform !== "linux") return yield* unsupported(access.platform)
  const pids = access.processes()
  const uid = ownUid(access)
  const users = usersOf(access)
  const { isNamespaceHidden, omittedNamespaces, records, skippedLines } = yield* readTables(access, pids, options)
  const selected = records.filter((socket) => SocketFilter.matchesRow(socket, options))
  const byInode = new Map<number, SocketRecord>()
  for (const socket of selected) if (socket.inode !== 0) byInode.set(socket.inode, socket)
  const denied = byInode.size === 0 ? 0 : yield* ProcessSearch.findHolders({ access, users, sockets: byInode }, pids)
  const hiddenSockets = markHidden(selected, denied, uid)
  const nameOf = PortServices.namer(records, options.services)
  for (const socket of selected) {
    socket.user = socket.uid === undefined ? undefined : users.get(socket.uid)
    socket.service = nameOf(socket)
  }
  const sockets = selected.filter((socket) => SocketFilter.matchesProcess(socket, options))
  return {
    sockets: SocketFilter.sort(sockets),
    notes: notesOf({ hiddenSockets, uid, isNamespaceHidden, skippedLines }),
    omittedNamespaces,
    maxBacklog: maxBacklogOf(access)
  }
})

/** Returns the first update, with all sockets as present. */
const firstUpdate = (list: SocketList): Update => ({
  list,
  changes: list.sockets.map((socket) => ({ kind: "present", socket, before: undefined }))
})

/**
 * Lists the sockets again and again, and returns each list with its changes. A connection that opens and closes between
 * two lists is not seen.
 *
 * @category combinators
 * @since 0.1.0
 */
export const watch = (options: WatchOptions = {}): Stream.Stream<Update, SocketTableError, SocketSource> => {
  const { interval = "2 seconds" } = options
  return Stream.unfold(undefined as SocketList | undefined, (before) =>
    before === undefined
      ? Effect.map(list(options), (after) => [firstUpdate(after), after] as const)
      : Effect.map(Effect.delay(list(options), interval), (after): readonly [Update, SocketList] => [
          { list: after, changes: SocketDiff.diff(before.sockets, after.sockets) },
          after
        ])
  )
}

/**
 * Returns the changes from one list to a later one: new and changed sockets in its order, then those that are gone. A
 * connection that its process closes, and that the kernel ends, has changed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const diff = (
  before: ReadonlyArray<Socket>,
  after: ReadonlyArray<Socket>
): ReadonlyArray<SocketDiff.SocketChange> => SocketDiff.diff(before, after)

/** Selects the sockets that meet all conditions. @category combinators @since 0.1.0 */
export const filter = (sockets: ReadonlyArray<Socket>, conditions: SocketFilter.Filter): ReadonlyArray<Socket> =>
  sockets.filter(
    (socket) => SocketFilter.matchesRow(socket, conditions) && SocketFilter.matchesProcess(socket, conditions)
  )

/**
 * Names of states as ss(8) has them, and the states that each means: `established`, `listening`, `connected`.
 *
 * @category constants
 * @since 0.1.0
 */
export const stateNames: Readonly<Record<string, ReadonlyArray<State>>> = SocketFilter.stateNames

/** Compares sockets by the order of a list. @category ordering @since 0.1.0 */
export const compare = (one: Socket, other: Socket): number => SocketFilter.compare(one, other)
