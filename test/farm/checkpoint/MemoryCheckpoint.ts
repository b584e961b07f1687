/** A checkpoint in memory. */
import * as Effect from "effect/Effect"
import type { Checkpoint } from "../../../src/farm/FarmCheckpoint.ts"

export const make = () => {
  const saved: { text: string | undefined; writes: number } = { text: undefined, writes: 0 }
  const checkpoint: Checkpoint = {
    path: "memory",
    read: Effect.sync(() => saved.text),
    write: (text) =>
      Effect.sync(() => {
        saved.text = text
        saved.writes++
      }),
    remove: Effect.sync(() => {
      saved.text = undefined
    })
  }
  return { saved, checkpoint }
}
