/**
 * The process that occupies an address and port, from /proc, for the message of a server that cannot listen. The search
 * is for one port, asynchronous, and ends at the first process: clients of a running server do not notice it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as TerminalText from "../../network/TerminalText.ts"
import * as InetTable from "./InetTable.ts"

/** Relation of a socket to an address that cannot be bound. */
export type Conflict =
  /** It has the same address. */
  | "same"
  /** It or the wanted address is a wildcard that has the other one. */
  | "wildcard"
  /** It has `::`, and the wanted address is of IPv4: in conflict unless it is IPv6-only, which /proc does not show. */
  | "possible"

/** A process that has a socket open. Its command line is text of another program: escape it before it is printed. */
export interface SocketOwner {
  readonly pid: number
  /** Command line, up to 60 characters; the name of the process if it has none. */
  readonly command: string
  /** Address of the socket, which may be a wildcard. */
  readonly address: string
  readonly conflict: Conflict
}

/** States as the kernel numbers them, of sockets that occupy a port: a connected UDP socket does so, too. */
const occupyingStateCodes = { tcp: [10], udp: [7, 1] } as const

const timeWaitStateCode = 6

/** Clock ticks per second in which /proc/net/tcp states times (USER_HZ). */
const ticksPerSecond = 100

const encoder = new TextEncoder()

/** A socket with a local port. */
type PortSocket = Pick<InetTable.InetRow, "localAddress" | "stateCode" | "timerTicks" | "inode">

/**
 * Returns the sockets with a local port, from the text of a table. Malformed lines are skipped.
 *
 * Only lines that contain the port are parsed: a table with 30,000 rows in TIME-WAIT took 30 to 150 ms of the
 * thread, and takes 4 to 7.
 */
const socketsOn = (table: string, port: number, format: InetTable.InetFormat): ReadonlyArray<PortSocket> => {
  const marker = `:${port.toString(16).toUpperCase().padStart(4, "0")} `
  const [titles, ...lines] = table.split("\n")
  const some = [titles, ...lines.filter((line) => line.includes(marker)), ""].join("\n")
  return InetTable.parse(encoder.encode(some), format, (row) => (row.localPort === port ? { ...row } : undefined)).rows
}

/** Returns the address that the kernel compares: without a zone, and of IPv4 if it is mapped into IPv6. */
const comparable = (address: string) => address.replace(/%.*$/s, "").replace(/^::ffff:(?=\d+\.)/i, "")

const isIpv6 = (address: string) => address.includes(":")

/**
 * Returns how a socket with the address `bound` keeps another one from binding `wanted` at the same port; undefined if
 * it does not. A wanted `::` is of both families, as servers bind it here.
 */
export const conflictOf = (wanted: string, bound: string): Conflict | undefined => {
  const [asked, held] = [comparable(wanted), comparable(bound)]
  if (asked === held) return "same"
  if (asked === "::") return "wildcard"
  if (isIpv6(asked) === isIpv6(held)) {
    return held === "::" || held === "0.0.0.0" || asked === "0.0.0.0" ? "wildcard" : undefined
  }
  return held === "::" ? "possible" : undefined
}

/** Returns the conflict of a socket; any socket of the port is in conflict if the wanted address is not known. */
const conflictWith = (wanted: string | undefined, { localAddress }: PortSocket): Conflict | undefined =>
  wanted === undefined ? "same" : conflictOf(wanted, localAddress)

/**
 * Returns the inodes of sockets listening on a port at any address, from the text of /proc/net/tcp or udp. With
 * `family` 6 the text is of tcp6 or udp6. Malformed lines are skipped.
 */
export const listeningInodes = (
  table: string,
  port: number,
  protocol: "tcp" | "udp",
  family: 4 | 6 = 4
): ReadonlyArray<string> => {
  const codes: ReadonlyArray<number> = occupyingStateCodes[protocol]
  return socketsOn(table, port, { family, protocol }).flatMap(({ inode, stateCode }) =>
    codes.includes(stateCode) ? [`${inode}`] : []
  )
}

/** Address and port that a server could not bind. */
export interface Wanted {
  /** IP address; undefined if it is not known, and any may be meant. */
  readonly address: string | undefined
  readonly port: number
}

/** Returns the longest time until a TIME-WAIT ends that is in conflict; undefined if there is none. */
const longestTimeWait = (sockets: ReadonlyArray<PortSocket>, wanted: Wanted): number | undefined => {
  const millis = sockets.flatMap((socket) =>
    socket.stateCode === timeWaitStateCode && conflictWith(wanted.address, socket) !== undefined
      ? [(socket.timerTicks * 1_000) / ticksPerSecond]
      : []
  )
  return millis.length === 0 ? undefined : Math.max(...millis)
}

/**
 * Returns the time until the last TIME-WAIT of an address and port ends, from the text of /proc/net/tcp; undefined if
 * there is none.
 */
export const timeWaitMillis = (table: string, wanted: Wanted): number | undefined =>
  longestTimeWait(socketsOn(table, wanted.port, { family: 4, protocol: "tcp" }), wanted)

const readOrEmpty = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.readFileString(path), () => ""))

/** Reads the sockets of both families with a port. */
const readSockets = (port: number, protocol: "tcp" | "udp") =>
  Effect.map(
    Effect.forEach([4, 6] as const, (family) =>
      Effect.map(readOrEmpty(`/proc/net/${protocol}${family === 6 ? "6" : ""}`), (table) =>
        socketsOn(table, port, { family, protocol })
      )
    ),
    (all) => all.flat()
  )

/**
 * Finds out how long connections of an address and port stay in TIME-WAIT; undefined if there are none, or without
 * /proc.
 */
export const findTimeWaitMillis = Effect.fnUntraced(function* (
  wanted: Wanted
): Effect.fn.Return<number | undefined, never, FileSystem.FileSystem> {
  return longestTimeWait(yield* readSockets(wanted.port, "tcp"), wanted)
})

/** Most characters of a command line that are shown. */
const maxCommandChars = 60

const commandOf = Effect.fnUntraced(function* (pid: string) {
  const line = (yield* readOrEmpty(`/proc/${pid}/cmdline`)).replaceAll("\0", " ").trim()
  const command = TerminalText.truncate(line, maxCommandChars)
  return command === "" ? (yield* readOrEmpty(`/proc/${pid}/comm`)).trim() : command
})

const list = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.orElseSucceed(fs.readDirectory(path), () => [] as ReadonlyArray<string>)
  )

/** Finds the first of the processes that has one of the sockets open, which are given by the targets of links. */
const findOwner = Effect.fnUntraced(function* (
  pids: ReadonlyArray<string>,
  wanted: ReadonlyMap<string, Pick<SocketOwner, "address" | "conflict">>
) {
  const fs = yield* FileSystem.FileSystem
  for (const pid of pids) {
    if (!/^\d+$/.test(pid)) continue
    for (const fd of yield* list(`/proc/${pid}/fd`)) {
      const target = yield* Effect.orElseSucceed(fs.readLink(`/proc/${pid}/fd/${fd}`), () => "")
      const socket = wanted.get(target)
      if (socket !== undefined) return { ...socket, pid: Number(pid), command: yield* commandOf(pid) }
    }
  }
  return undefined
})

/** Conflicts, the most certain first. */
const conflicts = ["same", "wildcard", "possible"] as const

/**
 * Finds the process whose socket keeps a server from binding an address and port; undefined if /proc does not show it.
 *
 * Only sockets of the most certain conflict count: a process that may not be seen is not replaced by another one.
 * `likelyPid` comes first: a search through all processes takes tens of milliseconds.
 */
export const findListeningProcess = Effect.fnUntraced(function* (
  wanted: Wanted,
  protocol: "tcp" | "udp",
  likelyPid?: number | undefined
): Effect.fn.Return<SocketOwner | undefined, never, FileSystem.FileSystem> {
  const codes: ReadonlyArray<number> = occupyingStateCodes[protocol]
  const found = (yield* readSockets(wanted.port, protocol)).flatMap((socket) => {
    const conflict = codes.includes(socket.stateCode) ? conflictWith(wanted.address, socket) : undefined
    return conflict === undefined ? [] : [{ address: socket.localAddress, conflict, inode: socket.inode }]
  })
  const best = conflicts.find((conflict) => found.some((socket) => socket.conflict === conflict))
  if (best === undefined) return undefined
  const sockets = new Map(
    found
      .filter(({ conflict }) => conflict === best)
      .map(({ address, conflict, inode }) => [`socket:[${inode}]`, { address, conflict }])
  )
  const likely = likelyPid === undefined ? [] : [String(likelyPid)]
  return (yield* findOwner(likely, sockets)) ?? (yield* findOwner(yield* list("/proc"), sockets))
})
