/** Fibers that wait until a condition holds, such as data in a queue. */
import * as Effect from "effect/Effect"

export interface Waiters {
  /** Waits until a condition holds, then continues with `next`. */
  readonly until: <A, E>(holds: () => boolean, next: () => Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Resumes the fibers whose condition holds now; each runs inside this call until it waits again. */
  readonly notify: () => void
}

export const make = (): Waiters => {
  const checks = new Set<() => void>()
  return {
    until: (holds, next) =>
      Effect.callback((resume) => {
        const check = () => {
          if (!holds()) return
          checks.delete(check)
          resume(next())
        }
        checks.add(check)
        check()
        return Effect.sync(() => void checks.delete(check))
      }),
    notify: () => {
      for (const check of [...checks]) check()
    }
  }
}
