/**
 * Errors of unix sockets, with the path and a fix. The system reports a few codes for many causes: a file that is not a
 * socket refuses connections, and Node reports a missing folder as a missing permission. The path shows which it is.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { NetworkError } from "../Network.ts"
import * as TerminalText from "../TerminalText.ts"
import { networkError } from "./NodeErrors.ts"

/** Operation on a path. */
export type Operation = "connect to" | "listen on"

type FileKind = "socket" | "folder" | "file"

/** Returns the kind of a file; undefined if it cannot be looked at. */
const kindOf = (path: string): FileKind | undefined => {
  try {
    const stats = Fs.statSync(path)
    return stats.isSocket() ? "socket" : stats.isDirectory() ? "folder" : "file"
  } catch {
    return undefined
  }
}

const folderOf = (path: string) => Path.dirname(path)

/** Tests if a folder is missing, and not only hidden from this user. */
const isMissing = (folder: string) => {
  try {
    Fs.statSync(folder)
    return false
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ENOENT"
  }
}

const missingFolder = (path: string) => `no folder ${TerminalText.escape(folderOf(path))}; create it`

const refusedBy: Readonly<Record<FileKind, string>> = {
  socket: "no server listens on it; start the server",
  folder: "a folder, not a socket; check the path",
  file: "a file, not a socket; check the path"
}

const occupiedBy: Readonly<Record<FileKind, string>> = {
  socket: "a running server listens on it; stop that server, or choose another path",
  folder: "a folder; choose another path",
  file: "a file that is not a socket is there; choose another path"
}

type Texts = Readonly<Record<string, (path: string) => string>>

/** Why an operation failed, and the fix, by the code of the system. */
const texts: Readonly<Record<Operation, Texts>> = {
  "connect to": {
    ENOENT: () => "no such socket; start the server or check the path",
    ENOTDIR: () => "a part of the path is not a folder; check the path",
    ECONNREFUSED: (path) => refusedBy[kindOf(path) ?? "socket"],
    EACCES: () => "permission denied; run as a user who may write the socket",
    EPERM: () => "permission denied; run as a user who may write the socket",
    EPROTOTYPE: () => "not a stream socket; give the path of one",
    EAGAIN: () => "its queue of clients is full; try again later"
  },
  "listen on": {
    EADDRINUSE: (path) => occupiedBy[kindOf(path) ?? "file"],
    ENOENT: missingFolder,
    ENOTDIR: () => "a part of the path is not a folder; choose another path",
    EACCES: (path) =>
      isMissing(folderOf(path)) ? missingFolder(path) : "permission denied; choose a folder that this user may write",
    EPERM: () => "its owner or mode cannot be changed; run as root, or leave them out",
    EROFS: () => "the file system is read-only; choose another path"
  }
}

/** Returns the error of a failed operation on a path. */
export const unixError = (operation: Operation, { path }: NetAddress.UnixPathAddress, cause: unknown): NetworkError => {
  const error = networkError(cause, NetAddress.unixPathAddress(path))
  const why = texts[operation][(cause as NodeJS.ErrnoException).code ?? ""]?.(path) ?? error.detail
  const text = `cannot ${operation} ${TerminalText.escape(path)}: ${why}`
  return new NetworkError({ reason: error.reason, address: error.address, cause, text })
}

/** Longest path: `sun_path` holds 108 bytes with its NUL. */
const maxPathBytes = 107

/** Returns why a path cannot be that of a socket. */
const invalidity = (path: string): string | undefined => {
  const length = Buffer.byteLength(path)
  if (length === 0) return "the path is empty; give one"
  if (path.includes("\0")) return "the path has a NUL; leave it out"
  return length > maxPathBytes
    ? `the path is too long (${length} bytes, at most ${maxPathBytes}); shorten it`
    : undefined
}

/** Number of characters of an invalid path that an error shows. */
const maxShownCharacters = 40

/** Checks a path from a caller, since Node would shorten one that is too long. */
export const checkPath = (
  operation: Operation,
  path: string
): Effect.Effect<NetAddress.UnixPathAddress, NetworkError> => {
  const why = invalidity(path)
  if (why === undefined) return Effect.succeed(NetAddress.unixPathAddress(path))
  const shown = TerminalText.truncate(path, maxShownCharacters)
  const text = `cannot ${operation} ${shown === "" ? "a unix socket" : TerminalText.escape(shown)}: ${why}`
  return Effect.fail(new NetworkError({ reason: "InvalidAddress", text }))
}
