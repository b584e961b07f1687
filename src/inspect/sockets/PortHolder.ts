/**
 * The process that occupies a port, from /proc, for the message of a server that cannot listen. The search is for one
 * port, asynchronous, and ends at the first process: clients of a running server do not notice it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as TerminalText from "../../network/TerminalText.ts"

/** A process that has a socket open. Its command line is text of another program: escape it before it is printed. */
interface SocketOwner {
  readonly pid: number
  /** Command line, up to 60 characters; the name of the process if it has none. */
  readonly command: string
}

const listenStates = { tcp: "0A", udp: "07" } as const

const timeWaitState = "06"

/** Clock ticks per second in which /proc/net/tcp states times (USER_HZ). */
const ticksPerSecond = 100

/**
 * Returns the fields of the sockets with a local port, from the text of a table. Malformed lines are skipped.
 *
 * Only lines that contain the port are split: a table with 30,000 rows in TIME-WAIT took 30 to 150 ms of the
 * thread, and takes 4 to 7.
 */
const socketsOn = (table: string, port: number) => {
  const marker = `:${port.toString(16).toUpperCase().padStart(4, "0")} `
  return table.split("\n").flatMap((line) => {
    if (!line.includes(marker)) return []
    const [, local, , state, , timer = "", , , , inode = ""] = line.trim().split(/\s+/)
    return local?.endsWith(marker.trimEnd()) ? [{ state, timer, inode }] : []
  })
}

/**
 * Returns the inodes of sockets listening on a port, from the text of /proc/net/tcp, tcp6, udp or udp6. Malformed lines
 * are skipped.
 */
export const listeningInodes = (table: string, port: number, protocol: "tcp" | "udp"): ReadonlyArray<string> =>
  socketsOn(table, port).flatMap(({ inode, state }) => (state === listenStates[protocol] ? [inode] : []))

/**
 * Returns the time until the last TIME-WAIT of a port ends, from the text of /proc/net/tcp or tcp6; undefined if there
 * is none.
 */
export const timeWaitMillis = (table: string, port: number): number | undefined => {
  const millis = socketsOn(table, port).flatMap(({ state, timer }) => {
    const ticks = state === timeWaitState ? Number.parseInt(timer.split(":")[1] ?? "", 16) : Number.NaN
    return Number.isNaN(ticks) ? [] : [(ticks * 1_000) / ticksPerSecond]
  })
  return millis.length === 0 ? undefined : Math.max(...millis)
}

const readOrEmpty = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.readFileString(path), () => ""))

const readTables = (protocol: "tcp" | "udp") =>
  Effect.forEach([protocol, `${protocol}6`], (name) => readOrEmpty(`/proc/net/${name}`))

/**
 * Finds out how long connections of a port stay in TIME-WAIT; undefined if there are none, or without /proc.
 */
export const findTimeWaitMillis = Effect.fnUntraced(function* (
  port: number
): Effect.fn.Return<number | undefined, never, FileSystem.FileSystem> {
  const times = (yield* readTables("tcp")).flatMap((table) => timeWaitMillis(table, port) ?? [])
  return times.length === 0 ? undefined : Math.max(...times)
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

/** Finds the first of the processes that has one of the sockets open. */
const findOwner = Effect.fnUntraced(function* (pids: ReadonlyArray<string>, wanted: ReadonlySet<string>) {
  const fs = yield* FileSystem.FileSystem
  for (const pid of pids) {
    if (!/^\d+$/.test(pid)) continue
    for (const fd of yield* list(`/proc/${pid}/fd`)) {
      const target = yield* Effect.orElseSucceed(fs.readLink(`/proc/${pid}/fd/${fd}`), () => "")
      if (wanted.has(target)) return { pid: Number(pid), command: yield* commandOf(pid) }
    }
  }
  return undefined
})

/**
 * Finds the process that listens on a port; undefined if /proc does not show it. `likelyPid` comes first: a search
 * through all processes takes tens of milliseconds.
 */
export const findListeningProcess = Effect.fnUntraced(function* (
  port: number,
  protocol: "tcp" | "udp",
  likelyPid?: number | undefined
): Effect.fn.Return<SocketOwner | undefined, never, FileSystem.FileSystem> {
  const wanted = new Set(
    (yield* readTables(protocol))
      .flatMap((table) => listeningInodes(table, port, protocol))
      .map((inode) => `socket:[${inode}]`)
  )
  if (wanted.size === 0) return undefined
  const likely = likelyPid === undefined ? [] : [String(likelyPid)]
  return (yield* findOwner(likely, wanted)) ?? (yield* findOwner(yield* list("/proc"), wanted))
})
