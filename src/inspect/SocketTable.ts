/** Processes by their sockets, from /proc: Linux only, and processes of other users only as root. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"

/** A process that has a socket open. */
interface SocketOwner {
  readonly pid: number
  /** Command line, up to 60 characters. */
  readonly command: string
}

const listenStates = { tcp: "0A", udp: "07" } as const

/**
 * Returns the inodes of sockets listening on a port, from the text of /proc/net/tcp, tcp6, udp or udp6. Malformed lines
 * are skipped.
 *
 * @category decoding
 * @since 0.1.0
 */
export const listeningInodes = (table: string, port: number, protocol: "tcp" | "udp"): ReadonlyArray<string> =>
  table.split("\n").flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    const hexPort = local?.split(":")[1]
    return state === listenStates[protocol] && hexPort !== undefined && Number.parseInt(hexPort, 16) === port
      ? [inode ?? ""]
      : []
  })

/**
 * Finds the process that listens on a port; undefined if /proc does not show it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const findListeningProcess = Effect.fnUntraced(function* (
  port: number,
  protocol: "tcp" | "udp"
): Effect.fn.Return<SocketOwner | undefined, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const read = (path: string) => Effect.orElseSucceed(fs.readFileString(path), () => "")
  const list = (path: string) => Effect.orElseSucceed(fs.readDirectory(path), () => [] as ReadonlyArray<string>)
  const tables = yield* Effect.forEach([protocol, `${protocol}6`], (name) => read(`/proc/net/${name}`))
  const wanted = new Set(
    tables.flatMap((table) => listeningInodes(table, port, protocol)).map((inode) => `socket:[${inode}]`)
  )
  if (wanted.size === 0) return undefined
  for (const pid of yield* list("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    for (const fd of yield* list(`/proc/${pid}/fd`)) {
      const target = yield* Effect.orElseSucceed(fs.readLink(`/proc/${pid}/fd/${fd}`), () => "")
      if (wanted.has(target)) {
        const command = (yield* read(`/proc/${pid}/cmdline`)).replaceAll("\0", " ").trim().slice(0, 60)
        return { pid: Number(pid), command }
      }
    }
  }
  return undefined
})
