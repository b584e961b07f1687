/**
 * Scoreboard journal in a file, of this host or of a simulated one.
 *
 * Appended text is in the kernel when the write returns, so it survives the death of the process. Without `sync` a
 * crash of the machine may lose the last seconds: whole lines, or parts of the file, which are then zeros. A compacted
 * journal replaces the file atomically, and is synced.
 *
 * With `sync`, that also holds on a disk that fails. After a failed sync the kernel may show bytes that it will never
 * write: they are cut off before anything follows them. An earlier process may have left such bytes, or a name that is
 * not durable, so that the first append writes the file anew.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import type * as FilePlatform from "../../process/FilePlatform.ts"
import * as LockFile from "../../process/LockFile.ts"
import * as StateFile from "../../process/StateFile.ts"
import * as StateFileError from "../../process/StateFileError.ts"
import { type Journal, ScoreboardError } from "../Scoreboard.ts"

/** Options of a journal. */
export interface Options {
  /** The most bytes that are read and written. */
  readonly maxBytes: number
  /** True to sync each append: a confirmed game survives a crash of the machine. */
  readonly sync: boolean
}

const scoreboardError = ({ message }: StateFileError.StateFileError) => new ScoreboardError({ message })

/** An open file, and how to close it. */
interface Handle {
  readonly file: FileSystem.File
  readonly scope: Scope.Closeable
}

/** Opens or creates the file, and locks it until the scope closes. */
export const make = Effect.fnUntraced(function* (
  platform: FilePlatform.FilePlatform,
  path: string,
  { maxBytes, sync }: Options
) {
  yield* LockFile.acquire(platform, path)
  const state = StateFile.make(platform, path, { maxBytes })
  const initialText = yield* state.read
  if (initialText === undefined) yield* state.write("")

  let handle: Handle | undefined
  const close = Effect.suspend(() => {
    const closed = handle === undefined ? Effect.void : Scope.close(handle.scope, Exit.void)
    handle = undefined
    return closed
  })
  // The file is opened again after a compaction. It must exist: a new one would lack the first line.
  const open = Effect.suspend(() => {
    if (handle !== undefined) return Effect.succeed(handle.file)
    const scope = Scope.makeUnsafe()
    return Effect.map(Scope.provide(platform.fileSystem.open(path, { flag: "r+" }), scope), (file) => {
      handle = { file, scope }
      return file
    })
  })
  const attempt = <A>(work: Effect.Effect<A, PlatformError.PlatformError>) =>
    Effect.uninterruptible(Effect.mapError(work, (cause) => StateFileError.fromCause(path, cause)))
  yield* Effect.addFinalizer(() => close)
  yield* attempt(open)

  // Size of the file before an append that failed and could not be cut off.
  let cutSize: number | undefined
  const cut = (file: FileSystem.File) =>
    Effect.suspend(() =>
      cutSize === undefined
        ? Effect.void
        : Effect.map(file.truncate(cutSize), () => {
            cutSize = undefined
          })
    )
  const cutOff = Effect.suspend(() => (cutSize === undefined ? Effect.void : Effect.flatMap(open, cut)))
  // True once all that the file shows was synced by this process.
  let isOnDisk = false
  const replace = (text: string) =>
    Effect.map(Effect.ensuring(state.write(text), close), () => {
      isOnDisk = true
    })
  const putOnDisk = Effect.suspend(() => (isOnDisk ? state.syncName : replace(initialText ?? "")))
  const append = Effect.fnUntraced(function* (text: string) {
    const file = yield* open
    yield* cut(file)
    const size = ByteSize.toBigInt((yield* file.stat).size)
    yield* file.seek(size, "start")
    const write = file.writeAll(new TextEncoder().encode(text))
    yield* Effect.onError(sync ? Effect.andThen(write, file.sync) : write, () => {
      cutSize = Number(size)
      return Effect.ignore(cut(file))
    })
  })
  const journal: Journal = {
    name: path,
    initialText: initialText ?? "",
    append: (text) =>
      Effect.mapError(Effect.andThen(sync ? putOnDisk : Effect.void, attempt(append(text))), scoreboardError),
    replace: (text) => Effect.mapError(Effect.andThen(attempt(cutOff), replace(text)), scoreboardError)
  }
  return journal
}, Effect.mapError(scoreboardError))
