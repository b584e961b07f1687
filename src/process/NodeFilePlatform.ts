/** The files and the identity of this process, for state files, lock files and journals. */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as FileOwner from "./FileOwner.ts"
import type * as FilePlatform from "./FilePlatform.ts"
import * as NodeFileOwner from "./NodeFileOwner.ts"

const fileSystem = Effect.runSync(Effect.provide(FileSystem.FileSystem, NodeFileSystem.layer))

/** Runs a call of node:fs, with the error that the file system would have. */
const call = <A>(method: string, path: string, work: () => Promise<A>) =>
  Effect.uninterruptible(
    Effect.tryPromise({
      try: work,
      catch: (cause) =>
        PlatformError.systemError({
          ...{ _tag: "Unknown", module: "FileSystem", method, pathOrDescriptor: path, cause }
        })
    })
  )

const { O_NONBLOCK, O_RDONLY } = Fs.constants

/** Opens a file; the kernel does not wait for the writer of a FIFO, which effect's `FileSystem` cannot ask for. */
const openToRead: FilePlatform.FilePlatform["openToRead"] = (path) =>
  Effect.map(
    Effect.acquireRelease(
      call("open", path, () => Fs.promises.open(path, O_RDONLY | O_NONBLOCK)),
      (handle) => Effect.promise(() => handle.close())
    ),
    (handle) => ({
      type: Effect.map(
        call("stat", path, () => handle.stat()),
        (stats) => (stats.isFile() ? "File" : stats.isDirectory() ? "Directory" : "Unknown")
      ),
      readAlloc: (bytes) =>
        Effect.map(
          call("readAlloc", path, () => handle.read(new Uint8Array(bytes))),
          ({ buffer, bytesRead }) => (bytesRead === 0 ? Option.none() : Option.some(buffer.subarray(0, bytesRead)))
        )
    })
  )

/** The host of this process. */
export const platform: FilePlatform.FilePlatform = {
  fileSystem,
  path: Path,
  openToRead,
  owner: NodeFileOwner.self,
  isAlive: NodeFileOwner.isAlive,
  user: process.geteuid?.(),
  randomName: () => Crypto.randomBytes(4).toString("hex")
}

/** Deletes the files of dead owners whose names begin with a prefix, and returns the names and owners of the others. */
export const sweep = (folder: string, prefix: string, options?: FileOwner.SweepOptions) =>
  Effect.mapError(
    FileOwner.sweep(platform, folder, prefix, options),
    ({ reason }) => (reason.cause ?? reason) as NodeJS.ErrnoException
  )
