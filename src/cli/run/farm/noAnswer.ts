/** The line of clients that wait for a host of their pool. */
import * as Effect from "effect/Effect"

/** The time without an answer after which the line is logged. */
const delay = "1 second"

/** Logs once that no host has answered for a second, while an effect waits for the answer. */
export const logged = <A, E, R>(
  pool: string,
  answer: Effect.Effect<A, E, R>,
  beforeLog: Effect.Effect<void> = Effect.void
): Effect.Effect<A, E, R> => {
  const line = Effect.logInfo(`no host of pool ${pool} answers; waiting for one (start it with farm serve)`)
  const waiting = Effect.sleep(delay).pipe(
    Effect.andThen(beforeLog),
    Effect.andThen(line),
    Effect.andThen(Effect.never)
  )
  return Effect.raceFirst(answer, waiting)
}
