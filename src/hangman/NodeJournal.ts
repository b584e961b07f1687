/**
 * Scoreboard journal in a file.
 *
 * Appended text is in the kernel when the write returns, so it survives the death of the process. It is not synced to
 * the disk: a crash of the machine may lose the last seconds. A compacted journal replaces the file atomically.
 */
import * as Fs from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as NodeLockFile from "../process/NodeLockFile.ts"
import * as NodeStateFile from "../process/NodeStateFile.ts"
import * as StateFileError from "../process/StateFileError.ts"
import { type Journal, ScoreboardError } from "./Scoreboard.ts"

const scoreboardError = ({ message }: StateFileError.StateFileError) => new ScoreboardError({ message })

/**
 * Opens or creates the file, and locks it until the scope closes. Fails if another server has locked it, or if it
 * cannot be read and written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (path: string) {
  yield* NodeLockFile.acquire(path)
  const state = NodeStateFile.make(path)
  const initialText = yield* state.read
  if (initialText === undefined) yield* state.write("")

  let file: Fs.FileHandle | undefined
  const close = async () => {
    await file?.close()
    file = undefined
  }
  // The file is opened again after a compaction. It must exist: a new one would lack the first line.
  const open = async () => (file ??= await Fs.open(path, Fs.constants.O_WRONLY | Fs.constants.O_APPEND))
  const attempt = <A>(work: () => Promise<A>) =>
    Effect.tryPromise({ try: work, catch: (cause) => StateFileError.fromCause(path, cause) })
  yield* Effect.addFinalizer(() => Effect.promise(close))
  yield* attempt(open)

  const append = async (text: string) => {
    const journal = await open()
    const { size } = await journal.stat()
    try {
      await journal.appendFile(text)
    } catch (cause) {
      await journal.truncate(size).catch(() => undefined)
      throw cause
    }
  }
  const journal: Journal = {
    name: path,
    initialText: initialText ?? "",
    append: (text) =>
      Effect.mapError(
        attempt(() => append(text)),
        scoreboardError
      ),
    replace: (text) => state.write(text).pipe(Effect.ensuring(Effect.promise(close)), Effect.mapError(scoreboardError))
  }
  return journal
}, Effect.mapError(scoreboardError))
