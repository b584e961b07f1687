/**
 * Access to the /proc of a host, as a service: the socket table reads it, and tests give it another one.
 *
 * **Example** (The table of a host of which only one file is known)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { SocketSource, SocketTable } from "effect-inet/inspect"
 *
 * const titles = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
 * const listener = "   0: 0100007F:042B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 4242 1 0\n"
 * const files = new Map([["/proc/net/tcp", new TextEncoder().encode(titles + listener)]])
 * const source = SocketSource.fromFiles(files)
 * const { sockets } = await Effect.runPromise(
 *   Effect.provideService(SocketTable.list(), SocketSource.SocketSource, source)
 * )
 *
 * sockets.map(({ local, state }) => [local?.port, state]) // => [[1067, "listen"]]
 * ```
 */
import * as Context from "effect/Context"

/**
 * Descriptors of a process, as /proc names them, or why they cannot be listed. They are texts, because most of them
 * only become a part of a path.
 *
 * @category models
 * @since 0.1.0
 */
export type Descriptors = ReadonlyArray<string> | "denied" | "gone"

/**
 * Access to /proc. Its functions are synchronous and none throws: /proc is memory, and a call through the thread pool
 * takes ten times as long.
 *
 * @category models
 * @since 0.1.0
 */
export interface Access {
  /** Name of the system, for messages; only `linux` has the files. */
  readonly platform: string
  /**
   * Reads a whole file; undefined if it does not exist or must not be read. The bytes are those of a shared buffer, and
   * valid until the next read.
   */
  readonly readFile: (path: string) => Uint8Array | undefined
  /** Lists the processes that /proc shows. */
  readonly processes: () => ReadonlyArray<number>
  /** Lists the open descriptors of a process. */
  readonly descriptors: (pid: number) => Descriptors
  /**
   * Returns the inode of the socket of a descriptor. It is 0 for another file and one that was closed meanwhile, and -1
   * if it is not permitted: a container may list descriptors that it does not show.
   */
  readonly socketInode: (pid: number, descriptor: string) => number
  /** Returns the number of the network namespace of a process, or of this one; undefined if it is not permitted. */
  readonly networkNamespace: (pid: number | "self") => number | undefined
}

/** Access to the /proc of a host. @category services @since 0.1.0 */
export class SocketSource extends Context.Service<SocketSource, Access>()("effect-inet/inspect/SocketSource") {}

/** Links of a /proc. @category models @since 0.1.0 */
export interface Links {
  /** Inodes of the sockets of a process by their descriptors, or `denied`. Default: no process. */
  readonly sockets?: ReadonlyMap<number, ReadonlyMap<number, number> | "denied"> | undefined
  /** Network namespace of each process, and of the reader. Default: unknown. */
  readonly namespaces?: ReadonlyMap<number | "self", number> | undefined
}

/** Returns a source that has its files in memory. @category constructors @since 0.1.0 */
export const fromFiles = (
  files: ReadonlyMap<string, Uint8Array>,
  { namespaces, sockets = new Map() }: Links = {}
): Access => ({
  platform: "linux",
  readFile: (path) => files.get(path),
  processes: () => [...sockets.keys()],
  descriptors: (pid) => {
    const open = sockets.get(pid)
    return open === undefined ? "gone" : open === "denied" ? open : Array.from(open.keys(), String)
  },
  socketInode: (pid, descriptor) => {
    const open = sockets.get(pid)
    return open === undefined || open === "denied" ? 0 : (open.get(Number(descriptor)) ?? 0)
  },
  networkNamespace: (pid) => namespaces?.get(pid)
})
