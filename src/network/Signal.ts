/** An auto-reset event: it wakes one fiber from a callback. An early notification is kept; several count as one. */
import * as Effect from "effect/Effect"

/** A signal for one waiting fiber, reset by each wait. An interrupted wait leaves the notification to the next one. */
export interface Signal {
  /**
   * Wakes the waiter, now or at its next wait. Returns before the waiter resumes, so that the waiter never runs inside
   * the caller.
   */
  readonly notify: () => void
  readonly wait: Effect.Effect<void>
}

export const make = (): Signal => {
  let pending = false
  let resume: (() => void) | undefined
  const notification = Effect.callback<void>((done) => {
    if (pending) return done(Effect.void)
    resume = () => done(Effect.void)
    return Effect.sync(() => {
      resume = undefined
    })
  })
  const reset = Effect.sync(() => {
    pending = false
  })
  return {
    notify: () => {
      pending = true
      resume?.()
      resume = undefined
    },
    wait: Effect.andThen(notification, Effect.andThen(Effect.yieldNow, reset))
  }
}
