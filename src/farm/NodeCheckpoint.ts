/** A checkpoint in a file, which is replaced atomically (`NodeStateFile`) and locked (`NodeLockFile`). */
import * as Effect from "effect/Effect"
import * as NodeLockFile from "../process/NodeLockFile.ts"
import * as NodeStateFile from "../process/NodeStateFile.ts"
import type { Checkpoint } from "./FarmCheckpoint.ts"
import { CheckpointFailed, FarmError } from "./FarmError.ts"

/** The options of a checkpoint in a file. @category models @since 0.1.0 */
export interface Options {
  /** The most bytes that are read and written. Default 256 MiB. */
  readonly maxBytes?: number | undefined
}

const defaultMaxBytes = 256 * 2 ** 20

/**
 * Makes the checkpoint in a file, which need not exist. It is locked while a run uses it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string, { maxBytes = defaultMaxBytes }: Options = {}): Checkpoint => {
  const { read, remove, write } = NodeStateFile.make(path, { maxBytes })
  const checkpointFailed = Effect.mapError(
    ({ detail }: { readonly detail: string }) => new FarmError({ reason: new CheckpointFailed({ path, detail }) })
  )
  return {
    path,
    lock: checkpointFailed(NodeLockFile.acquire(path)),
    read: checkpointFailed(read),
    write: (text) => checkpointFailed(write(text)),
    remove: checkpointFailed(remove)
  }
}
