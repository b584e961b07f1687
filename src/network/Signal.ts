/** Wakes a fiber from a callback: a ring that comes before the wait counts, several count as one. */
import * as Effect from "effect/Effect"

/** For one waiting fiber. */
export interface Bell {
  /** Returns before the fiber goes on, so that it never runs in the middle of who rings. */
  readonly ring: () => void
  readonly wait: Effect.Effect<void>
}

export const make = (): Bell => {
  let rung = false
  let resume: (() => void) | undefined
  const rings = Effect.callback<void>((done) => {
    resume = () => {
      rung = false
      resume = undefined
      done(Effect.void)
    }
    if (rung) resume()
  })
  return {
    ring: () => {
      rung = true
      resume?.()
    },
    wait: Effect.andThen(rings, Effect.yieldNow)
  }
}
