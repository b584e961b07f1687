/**
 * The handler of one client's connection, the same for every concurrency model.
 *
 * It frames bytes into inputs, steps the session with them, writes the session's texts, and passes its asks to the
 * shared state.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Scope from "effect/Scope"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"
import * as ServerSpan from "../network/server/ServerSpan.ts"
import type * as TcpServer from "../network/TcpServer.ts"
import * as ClientInfo from "./ClientInfo.ts"
import type { ClientConnection, ClientStateHolder } from "./ClientStateHolder.ts"
import type { Options, Program } from "./ConcurrencyModel.ts"
import * as Framer from "./Framer.ts"
import * as LingeringClose from "./LingeringClose.ts"
import type * as Session from "./Session.ts"
import { SessionRunner } from "./SessionRunner.ts"

/**
 * Serves one client: `open`, then every input until the session closes, the client disconnects, or framing fails.
 *
 * Never fails. Returns whether the client may still be sending. The connection sends the texts that are still buffered.
 * An `ask` that the session returns for `Closed` or `FramingError` still reaches the shared state; its answer is
 * discarded.
 *
 * @category running
 * @since 0.1.0
 */
export const serve = <S, Ask, Message>(
  { session, shared }: Program<S, Ask, Message>,
  client: ClientConnection,
  stateHolder: ClientStateHolder<Ask, Message>
): Effect.Effect<boolean> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(Scope.provide(makeFramer(session.framing, client), scope), (framer) =>
      Effect.flatMap(Effect.context<never>(), (context) => {
        const runner = new SessionRunner(client, framer, shared, stateHolder, scope, context)
        const stopTicks = session.tick === undefined ? undefined : startTicks(session.tick, client.sweeper, runner)
        const stop = Effect.sync(() => {
          stopTicks?.()
          runner.stop()
        })
        return ServerSpan.withSpan(Effect.ensuring(runner.run, stop), context, "Session.serve", () => ({
          client: client.client.id,
          remote: client.client.remote
        }))
      })
    )
  )

const makeFramer = (framing: Session.Framing, { connection, data, sweeper }: ClientConnection) =>
  Framer.make(connection, framing, sweeper, data)

/** Options by which a concurrency model serves its clients. @category models @since 0.1.0 */
export interface HandlerOptions<Ask, Message> {
  readonly makeClientStateHolder: (client: Session.ClientInfo) => ClientStateHolder<Ask, Message>
  /** Wraps the whole session of a client, for example in a semaphore. Default: the session itself. */
  readonly wrap?: (<A>(session: Effect.Effect<A>) => Effect.Effect<A>) | undefined
}

/** Returns the connection handler for a `TcpServer`. @category constructors @since 0.1.0 */
export const handler =
  <S, Ask, Message>(
    program: Program<S, Ask, Message>,
    options: Pick<Options, "rate" | "seed">,
    handlerOptions: HandlerOptions<Ask, Message>
  ) =>
  (connection: Network.Connection, { data, id, sweeper }: TcpServer.ConnectionContext): Effect.Effect<void> => {
    const { makeClientStateHolder, wrap = identity } = handlerOptions
    return Effect.flatMap(ClientInfo.make(connection, id, options.seed), (client) =>
      Effect.flatMap(
        wrap(serve(program, { client, connection, data, rate: options.rate, sweeper }, makeClientStateHolder(client))),
        (isSending) => (isSending ? LingeringClose.linger(connection, sweeper) : Effect.void)
      )
    )
  }

/** Calls `runner.tick` at the interval until the returned function is called. */
const startTicks = (interval: Duration.Input, sweeper: Sweeper.Sweeper, runner: { readonly tick: () => void }) => {
  const periodMillis = Duration.toMillis(interval)
  let lastTickMillis = sweeper.now()
  return sweeper.add((now) => {
    if (now - lastTickMillis < periodMillis) return
    lastTickMillis = now
    runner.tick()
  })
}
