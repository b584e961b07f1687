/** The relay of a client whose session is in another thread: copies bytes between its connection and a port. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Network from "../../../network/Network.ts"

/** A connection that says when both of its directions have closed. */
export interface Relayed extends Network.Connection {
  readonly closed: Effect.Effect<void>
}

/**
 * Copies bytes until there are no more, and passes on an end as an end and a failure as a reset. Reads no more while
 * the other side does not take what was read; `onWriteFailure` runs if it never will.
 */
const copy = (
  from: Network.Connection,
  to: Network.Connection,
  onWriteFailure: Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.forever(
    Effect.flatMap(from.pull, (bytes) =>
      Effect.catch(to.write(bytes), () => Effect.andThen(onWriteFailure, Cause.done()))
    )
  ).pipe(Effect.catch((error) => (Cause.isDone(error) ? to.end : to.abort)))

/**
 * Relays between a client and its session, until the session has closed its end and its bytes were written. The caller
 * closes the client's connection then. Interruption resets the session.
 */
export const run = (client: Network.Connection, session: Relayed): Effect.Effect<void> =>
  Effect.scoped(
    Effect.andThen(
      // A session that has closed still sends its last bytes to a client that sends.
      Effect.forkScoped(copy(client, session, Effect.void)),
      Effect.andThen(copy(session, client, session.abort), session.closed)
    )
  ).pipe(Effect.onInterrupt(() => session.abort))
