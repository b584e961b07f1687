/** Locks for processes of this host (`LockFile`). */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as LockFile from "./LockFile.ts"
import * as NodeFilePlatform from "./NodeFilePlatform.ts"
import type * as StateFileError from "./StateFileError.ts"

/** Locks a file, which need not exist, until the scope closes. The lock file of a killed process does not count. */
export const acquire = (path: string): Effect.Effect<void, StateFileError.StateFileError, Scope.Scope> =>
  LockFile.acquire(NodeFilePlatform.platform, path)
