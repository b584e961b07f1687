/** The lingering close: the end of a connection whose client may still be sending (nginx `lingering_close`). */
import * as Effect from "effect/Effect"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"

/** Time that the client has to send its FIN. */
const maxLingerMillis = 1_000

/**
 * Sends FIN, then reads and discards input until the client's FIN, for at most one second.
 *
 * Unread bytes would be answered with a reset, which destroys the last texts in the client's receive buffer.
 *
 * @category running
 * @since 0.1.0
 */
export const linger = (connection: Network.Connection, sweeper: Sweeper.Sweeper): Effect.Effect<void> =>
  Effect.flatMap(Effect.context<never>(), (context) => {
    const run = Effect.runForkWith(context)
    const startMillis = sweeper.now()
    const remove = sweeper.add((now) => {
      if (now - startMillis >= maxLingerMillis) run(connection.endRead)
    })
    return connection.end.pipe(
      Effect.andThen(Effect.forever(connection.pull)),
      Effect.ignore,
      Effect.ensuring(Effect.sync(remove))
    )
  })
