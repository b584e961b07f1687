/** A checkpoint in a file, which is replaced atomically (`NodeStateFile`). */
import * as Effect from "effect/Effect"
import * as NodeStateFile from "../process/NodeStateFile.ts"
import type { Checkpoint } from "./FarmCheckpoint.ts"
import { CheckpointFailed, FarmError } from "./FarmError.ts"

/**
 * Makes the checkpoint in a file, which need not exist.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string): Checkpoint => {
  const { read, remove, write } = NodeStateFile.make(path)
  const checkpointFailed = Effect.mapError(
    ({ detail }: { readonly detail: string }) => new FarmError({ reason: new CheckpointFailed({ path, detail }) })
  )
  return {
    path,
    read: checkpointFailed(read),
    write: (text) => checkpointFailed(write(text)),
    remove: checkpointFailed(remove)
  }
}
