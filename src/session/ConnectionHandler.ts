/**
 * What a server does for one client, under whatever model: bytes to inputs, inputs to a session, its texts back, its
 * questions to what all clients share.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Scope from "effect/Scope"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"
import type * as TcpServer from "../network/TcpServer.ts"
import * as Client from "./Client.ts"
import type { Options, Program } from "./ConcurrencyModel.ts"
import * as Framer from "./Framer.ts"
import * as LingeringClose from "./LingeringClose.ts"
import type * as Session from "./Session.ts"
import { SessionRunner } from "./SessionRunner.ts"
import type { ClientConnection, StateHolder } from "./StateHolder.ts"

/**
 * Serves one client to its end: `open`, then every input, until the session closes, the client has gone, or breaks the
 * rules of lines. Ends without error, and says whether the client may still be sending; what is left to be sent is the
 * connection's to send. A question that is asked with `Closed` or `Broken` is still put, its answer goes nowhere.
 *
 * @category running
 * @since 0.1.0
 */
export const serve = <S, Ask, Message>(
  { session, shared }: Program<S, Ask, Message>,
  clientConnection: ClientConnection,
  stateHolder: StateHolder<Ask, Message>
): Effect.Effect<boolean> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(Scope.provide(Framer.make(clientConnection.connection, session.framing, clientConnection.sweeper), scope), (framer) =>
      Effect.flatMap(Effect.context<never>(), (context) => {
        const runner = new SessionRunner(clientConnection, framer, shared, stateHolder, scope, context)
        const stopTicks = session.tick === undefined ? undefined : startTicks(session.tick, clientConnection.sweeper, runner)
        const stop = Effect.sync(() => {
          stopTicks?.()
          runner.stop()
        })
        return Effect.ensuring(runner.run, stop)
      })
    )
  )

/** How a model serves its clients. @category models @since 0.1.0 */
export interface HandlerOptions<Ask, Message> {
  readonly makeStateHolder: (client: Session.Client) => StateHolder<Ask, Message>
  /** `Client.id`, from the connection and its count in this server, which begins at 1. Default: the count. */
  readonly clientId?: ((connection: Network.Connection, count: number) => number) | undefined
  /** Goes around all that the session does. */
  readonly wrap?: (<A>(session: Effect.Effect<A>) => Effect.Effect<A>) | undefined
}

/** What a `TcpServer` does with every connection. @category constructors @since 0.1.0 */
export const handler =
  <S, Ask, Message>(program: Program<S, Ask, Message>, options: Pick<Options, "rate" | "seed">, handlerOptions: HandlerOptions<Ask, Message>) =>
  (connection: Network.Connection, { id: count, sweeper }: TcpServer.ConnectionContext): Effect.Effect<void> => {
    const { makeStateHolder, clientId = (_, count) => count, wrap = identity } = handlerOptions
    return Effect.flatMap(Client.make(connection, clientId(connection, count), options.seed), (client) =>
      Effect.flatMap(
        wrap(serve(program, { client, connection, rate: options.rate, sweeper }, makeStateHolder(client))),
        (isSending) => (isSending ? LingeringClose.linger(connection, sweeper) : Effect.void)
      )
    )
  }

/** Lets it tick until the result is called. */
const startTicks = (interval: Duration.Input, sweeper: Sweeper.Sweeper, runner: { readonly tick: () => void }) => {
  const periodMillis = Duration.toMillis(interval)
  let lastTickMillis = sweeper.now()
  return sweeper.add((now) => {
    if (now - lastTickMillis < periodMillis) return
    lastTickMillis = now
    runner.tick()
  })
}
