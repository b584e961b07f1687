/** The end of a conversation that the server ends, while the client may still be sending. */
import * as Effect from "effect/Effect"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"

/** How long the client has to end its side, in milliseconds. */
const maxLingerMillis = 1_000

/**
 * Ends this side, and reads and drops what the client sends until it ends its own, at most for a second: bytes that
 * nobody reads are answered by a reset, which would take back from the client the last texts that it has not read yet.
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
