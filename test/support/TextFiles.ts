/** A file system of regular files with texts, in memory. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"

/** The target of a path: the text of a regular file, or an error of the system. */
type Entry = string | { readonly error: PlatformError.SystemErrorTag }

const failure = (_tag: PlatformError.SystemErrorTag, path: string) =>
  Effect.fail(PlatformError.systemError({ _tag, module: "FileSystem", method: "stat", pathOrDescriptor: path }))

const infoOf = (size: number): FileSystem.File.Info => ({
  ...{ type: "File", size: ByteSize.bytes(size), mode: 0o644, dev: 0n },
  ...{ mtime: Option.none(), atime: Option.none(), birthtime: Option.none(), ino: Option.none(), nlink: Option.none() },
  ...{ uid: Option.none(), gid: Option.none(), rdev: Option.none(), blksize: Option.none(), blocks: Option.none() }
})

const fileOf = (bytes: Uint8Array): FileSystem.File => {
  let position = 0
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: Effect.succeed(infoOf(bytes.length)),
    readAlloc: (size) =>
      Effect.sync(() => {
        const chunk = bytes.slice(position, position + size)
        position += chunk.length
        return chunk.length === 0 ? Option.none() : Option.some(chunk)
      }),
    read: () => Effect.die("not used"),
    seek: () => Effect.die("not used"),
    sync: Effect.void,
    truncate: () => Effect.void,
    write: () => Effect.die("not used"),
    writeAll: () => Effect.die("not used")
  }
}

/** Creates the layer from entries by path; other paths are not found. `onOpen` is called before a file is opened. */
export const layer = (entries: Readonly<Record<string, Entry>>, onOpen: (path: string) => void = () => {}) => {
  const lookUp = (path: string) => {
    const entry = entries[path] ?? { error: "NotFound" }
    return typeof entry === "string" ? Effect.succeed(new TextEncoder().encode(entry)) : failure(entry.error, path)
  }
  return FileSystem.layerNoop({
    stat: (path) => Effect.map(lookUp(path), (bytes) => infoOf(bytes.length)),
    open: (path) => {
      onOpen(path)
      return Effect.map(lookUp(path), fileOf)
    }
  })
}
