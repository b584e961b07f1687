/**
 * Scoreboard journal in a file.
 *
 * Appended text is in the kernel when the write returns, so it survives the death of the process. It is synced to the
 * disk only if told so: else a crash of the machine may lose the last seconds. A compacted journal replaces the file
 * atomically.
 */
import { constants } from "node:buffer"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as NodeFilePlatform from "../process/NodeFilePlatform.ts"
import * as FileJournal from "./journal/FileJournal.ts"
import type { Journal, ScoreboardError } from "./Scoreboard.ts"

/** Options of a journal. @category models @since 0.1.0 */
export interface Options {
  /** True to sync each append, so that a confirmed game survives a crash of the machine. Default false. */
  readonly sync?: boolean | undefined
}

/**
 * Opens or creates the file, and locks it until the scope closes. Fails if another server has locked it, or if it
 * cannot be read and written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  path: string,
  { sync = false }: Options = {}
): Effect.Effect<Journal, ScoreboardError, Scope.Scope> =>
  FileJournal.make(NodeFilePlatform.platform, path, { sync, maxBytes: constants.MAX_STRING_LENGTH })
