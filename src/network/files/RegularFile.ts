/**
 * Reads a file that the system or the user names: a regular file, through symbolic links, up to a limit.
 *
 * Another kind of file would stop the program: a FIFO waits for a writer, and a device such as /dev/zero has no end.
 */

import * as ByteSize from "effect/ByteSize"
import * as Bytes from "effect/Bytes"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as SystemErrorText from "../SystemErrorText.ts"

/** A file that cannot be read. The message is the reason, without the path. */
export class RegularFileError extends Data.TaggedError("RegularFileError")<{
  readonly reason: "NotFound" | "NotRegular" | "TooLarge" | "SystemError"
  readonly message: string
}> {}

/** A file that is open for reading. */
export interface OpenFile {
  readonly stat: Effect.Effect<Pick<FileSystem.File.Info, "size" | "type">, RegularFileError>
  /** Reads at most `maxBytes` from the current position; none at the end. */
  readonly read: (maxBytes: number) => Effect.Effect<Option.Option<Uint8Array>, RegularFileError>
}

/**
 * Opens a file for reading without waiting: the path may lead to a FIFO since it was checked. Default: the open of the
 * `FileSystem`, which has no flag for that.
 */
export const Opener: Context.Reference<
  ((path: string) => Effect.Effect<OpenFile, RegularFileError, Scope.Scope>) | undefined
> = Context.Reference<((path: string) => Effect.Effect<OpenFile, RegularFileError, Scope.Scope>) | undefined>(
  "effect-inet/network/RegularFile/Opener",
  { defaultValue: () => undefined }
)

/** Limit of the files of the system: hosts, services and gai.conf. Lists of blocked hosts have some MiB. */
export const systemFileBytes = 67_108_864

/** Most bytes of a read of a file whose size is not known, such as those of /proc. */
const chunkBytes = 65_536

const fail = (reason: RegularFileError["reason"], message: string) =>
  Effect.fail(new RegularFileError({ reason, message }))

const fromPlatform = ({ reason }: PlatformError.PlatformError) =>
  new RegularFileError({
    reason: reason._tag === "NotFound" ? "NotFound" : "SystemError",
    message: SystemErrorText.format(reason.cause ?? reason)
  })

/** Opens a file with the `FileSystem`. */
const openWith = (fs: FileSystem.FileSystem) => (path: string) =>
  Effect.mapBoth(fs.open(path), {
    onFailure: fromPlatform,
    onSuccess: (file): OpenFile => ({
      stat: Effect.mapError(file.stat, fromPlatform),
      read: (maxBytes) => Effect.mapError(file.readAlloc(maxBytes), fromPlatform)
    })
  })

/** Returns the size of a file. Fails if it is not regular or too large. */
const sizeOf = ({ size, type }: Pick<FileSystem.File.Info, "size" | "type">, maxBytes: number) => {
  if (type === "Directory") return fail("NotRegular", "is a directory; name a file")
  if (type !== "File") return fail("NotRegular", "is not a regular file; name one")
  return size > maxBytes
    ? fail("TooLarge", `is too large (${size} bytes, limit ${maxBytes})`)
    : Effect.succeed(ByteSize.toNumberUnsafe(size))
}

const readOpen = Effect.fnUntraced(function* (file: OpenFile, maxBytes: number) {
  const size = yield* sizeOf(yield* file.stat, maxBytes)
  const chunks: Array<Uint8Array> = []
  let length = 0
  // One byte beyond the size, so that the end is seen in the same read; and one beyond the limit, so that it is
  // noticed.
  while (length <= maxBytes) {
    const expected = length < size ? size + 1 - length : chunkBytes
    const chunk = yield* file.read(Math.min(expected, maxBytes + 1 - length))
    if (Option.isNone(chunk)) break
    chunks.push(chunk.value)
    length += chunk.value.length
  }
  return length > maxBytes ? yield* fail("TooLarge", `is too large (limit ${maxBytes} bytes)`) : Bytes.concat(chunks)
})

/** Checks that a path leads to a regular file within the limit, without opening it. */
export const check = (path: string, maxBytes: number): Effect.Effect<void, RegularFileError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(path)).pipe(
    Effect.flatMap((info) => sizeOf(info, maxBytes)),
    Effect.catchTag("PlatformError", (error) => Effect.fail(fromPlatform(error))),
    Effect.asVoid
  )

/** Reads the bytes of a file. */
export const readBytes = Effect.fnUntraced(function* (
  path: string,
  maxBytes: number
): Effect.fn.Return<Uint8Array<ArrayBuffer>, RegularFileError, FileSystem.FileSystem> {
  const open = (yield* Opener) ?? openWith(yield* FileSystem.FileSystem)
  // The open of a device may have an effect of its own.
  yield* check(path, maxBytes)
  return yield* Effect.scoped(Effect.flatMap(open(path), (file) => readOpen(file, maxBytes)))
})

/** Reads a file as UTF-8 text, with U+FFFD for what is not. */
export const readText = (path: string, maxBytes: number) =>
  Effect.map(readBytes(path, maxBytes), (bytes) => new TextDecoder().decode(bytes))
