/** Destinations of a capture: a file, a device, a pipe or standard output. */
import * as ByteSize from "effect/ByteSize"
import * as Bytes from "effect/Bytes"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as SystemErrorText from "../../network/SystemErrorText.ts"
import { type OpenPipe, type PipeError, Pipes } from "./Pipes.ts"

/** A destination that cannot be opened or written. */
export class DestinationError extends Data.TaggedError("DestinationError")<{ readonly detail: string }> {}

/** An open destination, which takes the blocks of a capture in order. */
export interface Destination {
  /** Writes whole blocks. A file on which that fails ends with the last block that was written as a whole. */
  readonly write: (blocks: ReadonlyArray<Uint8Array>) => Effect.Effect<void, DestinationError>
  /** True if the destination has a reader, which may stop. */
  readonly isPipe: boolean
  /** Returns false for a pipe that no reader has opened yet. */
  readonly hasReader: () => boolean
}

/** The path that stands for standard output. */
export const stdoutPath = "-"

const stdoutDevice = "/dev/stdout"

/** Interval at which a pipe without a reader is opened again. */
const reopenInterval = "100 millis"

const fromPlatform = (error: PlatformError.PlatformError) =>
  new DestinationError({ detail: SystemErrorText.formatPlatform(error) })

const fromPipe = ({ message }: PipeError) => new DestinationError({ detail: message })

/** Returns the length of the leading blocks that lie within the first `written` bytes as a whole. */
export const wholeLength = (blocks: ReadonlyArray<Uint8Array>, written: number): number => {
  let length = 0
  for (const block of blocks) {
    if (length + block.length > written) break
    length += block.length
  }
  return length
}

/** Opens a file or a device; the scope closes it. A file is emptied, unless it continues a file of the shell. */
export const openFile = Effect.fnUntraced(
  function* (path: string, { keeps = false }: { readonly keeps?: boolean | undefined } = {}) {
    const fs = yield* FileSystem.FileSystem
    // Appending writes without a position, which a device does not have.
    const file = yield* fs.open(path, { flag: "a" })
    const { size, type } = yield* file.stat
    const isOnDisk = type === "File"
    if (isOnDisk && !keeps) yield* file.truncate()
    let length = isOnDisk && keeps ? ByteSize.toNumberUnsafe(size) : 0
    /** Removes the part of a block that a full disk has taken. */
    const restore = (blocks: ReadonlyArray<Uint8Array>) =>
      Effect.flatMap(file.stat, ({ size }) =>
        file.truncate(length + wholeLength(blocks, ByteSize.toNumberUnsafe(size) - length))
      ).pipe(Effect.ignore)
    const destination: Destination = {
      write: (blocks) =>
        blocks.length === 0
          ? Effect.void
          : Effect.tapError(file.writeAll(Bytes.concat(blocks)), () => (isOnDisk ? restore(blocks) : Effect.void)).pipe(
              Effect.tap(() =>
                Effect.sync(() => {
                  for (const block of blocks) length += block.length
                })
              ),
              Effect.mapError(fromPlatform)
            ),
      isPipe: false,
      hasReader: () => true
    }
    return { destination, sync: isOnDisk ? Effect.mapError(file.sync, fromPlatform) : Effect.void }
  },
  Effect.catchTag("PlatformError", (error) => Effect.fail(fromPlatform(error)))
)

/**
 * Opens a named pipe, which the scope closes. The first write waits for its reader; `onWaiting` runs once if there is
 * none yet.
 */
const openPipe = Effect.fnUntraced(function* (pipes: Pipes, path: string, onWaiting: Effect.Effect<void>) {
  const scope = yield* Effect.scope
  const tryOpen = Effect.mapError(Scope.provide(pipes.open(path), scope), fromPipe)
  let pipe: OpenPipe | undefined = yield* tryOpen
  const opened = Effect.gen(function* () {
    if (pipe !== undefined) return pipe
    pipe = yield* tryOpen
    if (pipe === undefined) yield* onWaiting
    while (pipe === undefined) {
      yield* Effect.sleep(reopenInterval)
      pipe = yield* tryOpen
    }
    return pipe
  })
  const destination: Destination = {
    write: (blocks) =>
      blocks.length === 0
        ? Effect.void
        : Effect.flatMap(opened, (pipe) => Effect.mapError(pipe.write(Bytes.concat(blocks)), fromPipe)),
    isPipe: true,
    hasReader: () => pipe !== undefined
  }
  return { destination, sync: Effect.void }
})

/** Returns the kind of a path; undefined if it does not exist yet. */
const kindOf = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(path)).pipe(
    Effect.map(({ type }): FileSystem.File.Type | undefined => type),
    Effect.orElseSucceed(() => undefined)
  )

/** Returns true for the path of a named pipe. */
export const isPipe = (path: string) => Effect.map(kindOf(path), (kind) => kind === "FIFO")

/**
 * Opens a path, or standard output for `-`, whatever it leads to. `onWaiting` runs once for a pipe without a reader.
 * `sync` waits until a file is on the disk.
 */
export const open = Effect.fnUntraced(function* (path: string, onWaiting: Effect.Effect<void>) {
  const pipes = yield* Pipes
  const isStdout = path === stdoutPath
  const target = isStdout ? stdoutDevice : path
  const kind = yield* kindOf(target)
  if (kind !== "FIFO" && !(isStdout && kind === "Socket")) return yield* openFile(target, { keeps: isStdout })
  if (pipes === undefined) return yield* new DestinationError({ detail: "it is a pipe; provide NodePipes.layer" })
  if (kind === "FIFO") return yield* openPipe(pipes, target, onWaiting)
  const destination: Destination = {
    write: (blocks) => Effect.mapError(pipes.stdout.write(Bytes.concat(blocks)), fromPipe),
    isPipe: true,
    hasReader: () => true
  }
  return { destination, sync: Effect.void }
})
