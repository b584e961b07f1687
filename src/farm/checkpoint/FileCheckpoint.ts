/** A checkpoint in a file, of this host or of a simulated one: replaced atomically, and locked while a run uses it. */
import * as Effect from "effect/Effect"
import type * as FilePlatform from "../../process/FilePlatform.ts"
import * as LockFile from "../../process/LockFile.ts"
import * as StateFile from "../../process/StateFile.ts"
import type { Checkpoint } from "../FarmCheckpoint.ts"
import { CheckpointFailed, FarmError } from "../FarmError.ts"

/** Makes the checkpoint in a file, which need not exist. */
export const make = (platform: FilePlatform.FilePlatform, path: string, options: StateFile.Options): Checkpoint => {
  const { read, remove, write } = StateFile.make(platform, path, options)
  const checkpointFailed = Effect.mapError(
    ({ detail }: { readonly detail: string }) => new FarmError({ reason: new CheckpointFailed({ path, detail }) })
  )
  return {
    path,
    lock: checkpointFailed(LockFile.acquire(platform, path)),
    read: checkpointFailed(read),
    write: (text) => checkpointFailed(write(text)),
    remove: checkpointFailed(remove)
  }
}
