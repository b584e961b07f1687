/**
 * The /proc of this host. All calls are synchronous: one takes about 2 us, through the thread pool 20.
 *
 * **Example** (The processes that listen on this host)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { NodeSocketSource, SocketTable } from "effect-inet/inspect"
 *
 * const names = SocketTable.list({ listening: true, protocols: ["tcp"] }).pipe(
 *   Effect.map(({ sockets }) => sockets.flatMap(({ holders }) => holders.map(({ owner }) => owner.name))),
 *   Effect.provide(NodeSocketSource.layer)
 * )
 * ```
 */
import * as Fs from "node:fs"
import * as Layer from "effect/Layer"
import { type Access, SocketSource } from "./SocketSource.ts"

/** Size of the buffer: for a table of 10,000 sockets. The system gives it memory as it is filled. */
const bufferBytes = 2_097_152

/** The buffer of all reads. A larger file replaces it by a larger one until the next read. */
let buffer = new Uint8Array(0)

/** Reads a file of /proc, which states no size. */
const readAll = (descriptor: number): Uint8Array => {
  if (buffer.length !== bufferBytes) buffer = Buffer.allocUnsafeSlow(bufferBytes)
  let length = 0
  while (true) {
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafeSlow(2 * length)
      larger.set(buffer)
      buffer = larger
    }
    const read = Fs.readSync(descriptor, buffer, length, buffer.length - length, null)
    if (read === 0) return new Uint8Array(buffer.buffer, 0, length)
    length += read
  }
}

/** Flags that do not wait for the writer of a FIFO, if a path leads to one. */
const flags = Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK | Fs.constants.O_NOCTTY

const readFile = (path: string): Uint8Array | undefined => {
  let descriptor: number | undefined
  try {
    descriptor = Fs.openSync(path, flags)
    return readAll(descriptor)
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) Fs.closeSync(descriptor)
  }
}

const isNumber = (name: string) => /^\d+$/.test(name)

const processes = (): ReadonlyArray<number> => {
  try {
    return Fs.readdirSync("/proc").filter(isNumber).map(Number)
  } catch {
    return []
  }
}

const isDenied = (cause: unknown) => {
  const { code } = cause as NodeJS.ErrnoException
  return code === "EACCES" || code === "EPERM"
}

const descriptors: Access["descriptors"] = (pid) => {
  try {
    return Fs.readdirSync(`/proc/${pid}/fd`)
  } catch (cause) {
    return isDenied(cause) ? "denied" : "gone"
  }
}

const prefix = "socket:["

/** Returns the number in `socket:[NUMBER]`; 0 for another text. */
const inodeOf = (target: string): number => (target.startsWith(prefix) ? Number(target.slice(prefix.length, -1)) : 0)

const socketInode: Access["socketInode"] = (pid, descriptor) => {
  try {
    return inodeOf(Fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`))
  } catch (cause) {
    return isDenied(cause) ? -1 : 0
  }
}

const networkNamespace: Access["networkNamespace"] = (pid) => {
  try {
    const [, number] = /^net:\[(\d+)\]$/.exec(Fs.readlinkSync(`/proc/${pid}/ns/net`)) ?? []
    return number === undefined ? undefined : Number(number)
  } catch {
    return undefined
  }
}

/** The /proc of this host. @category layers @since 0.1.0 */
export const layer: Layer.Layer<SocketSource> = Layer.succeed(SocketSource, {
  platform: process.platform,
  readFile,
  processes,
  descriptors,
  socketInode,
  networkNamespace
})
