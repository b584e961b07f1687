/** Wakes a fiber from a callback: a ring that comes before the wait counts, several count as one. */
import * as Effect from "effect/Effect"

/** For one waiting fiber. */
export interface Signal {
  /** Returns before the fiber goes on, so that it never runs in the middle of who rings. */
  readonly notify: () => void
  readonly wait: Effect.Effect<void>
}

export const make = (): Signal => {
  let pending = false
  let resume: (() => void) | undefined
  const notification = Effect.callback<void>((done) => {
    resume = () => {
      pending = false
      resume = undefined
      done(Effect.void)
    }
    if (pending) resume()
  })
  return {
    notify: () => {
      pending = true
      resume?.()
    },
    wait: Effect.andThen(notification, Effect.yieldNow)
  }
}
