/** The host of state files, lock files and journals: its file system, and the identity of this process. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"

/** A host with files: that of this process, or a simulated one. */
export interface FilePlatform {
  readonly fileSystem: FileSystem.FileSystem
  readonly path: Pick<Path.Path, "basename" | "dirname" | "join" | "resolve">
  /** Opens a file to read it. A FIFO does not wait for its writer. */
  readonly openToRead: (path: string) => Effect.Effect<Reader, PlatformError.PlatformError, Scope.Scope>
  /** Identity of this process as part of a file name: `host-pid-start`, with eight hexadecimal digits of the host. */
  readonly owner: () => string
  /** Returns true if the owner of a file is running; on another host, if the file is not older than the time limit. */
  readonly isAlive: (owner: string, path: string, foreignTimeoutMillis: number) => boolean
  /** User of this process; undefined on systems without users. */
  readonly user: number | undefined
  /** Returns eight random hexadecimal digits, for names that are not used twice. */
  readonly randomName: () => string
}

/** A file that is open to be read. */
export interface Reader extends Pick<FileSystem.File, "readAlloc"> {
  readonly type: Effect.Effect<FileSystem.File.Type, PlatformError.PlatformError>
}

/** Makes the reader of an open file. */
export const readerOf = (file: FileSystem.File): Reader => ({
  type: Effect.map(file.stat, ({ type }) => type),
  readAlloc: (size) => file.readAlloc(size)
})

/** Returns the system error of a failed operation, such as `ENOENT`; empty if there is none. */
export const codeOf = ({ reason }: PlatformError.PlatformError): string =>
  (reason.cause as { readonly code?: string } | undefined)?.code ?? ""
