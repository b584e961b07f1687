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
import { Talk } from "./SessionRunner.ts"

/** Does what a session wants. @category models @since 0.1.0 */
export type Then<Ask, E> = (out: Session.Out<Ask>) => Effect.Effect<void, E>

/** Where the state of one client lives, and who steps it: what a model decides. @category models @since 0.1.0 */
export interface Keeper<Ask, Told> {
  /** Called once, first; goes on with what the session wants. */
  readonly open: <E>(then: Then<Ask, E>) => Effect.Effect<void, E>
  /** Never called before the earlier call has come to its `then`. */
  readonly receive: <E>(input: Session.Input<Told>, then: Then<Ask, E>) => Effect.Effect<void, E>
}

/** One client, connected. @category models @since 0.1.0 */
export interface Guest {
  readonly connection: Network.Connection
  readonly client: Session.Client
  /** The server's own: ticks and deadlines are met late by at most its period. */
  readonly sweeper: Sweeper.Sweeper
  /** Lines a second. Default 200. */
  readonly rate?: number | undefined
}

/**
 * Serves one client to its end: `open`, then every input, until the session closes, the client has gone, or breaks the
 * rules of lines. Ends without error, and says whether the client may still be sending; what is left to be sent is the
 * connection's to send. A question that is asked with `Closed` or `Broken` is still put, its answer goes nowhere.
 *
 * @category running
 * @since 0.1.0
 */
export const serve = <S, Ask, Told>(
  { session, shared }: Program<S, Ask, Told>,
  guest: Guest,
  keeper: Keeper<Ask, Told>
): Effect.Effect<boolean> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(Scope.provide(Framer.make(guest.connection, session.framing, guest.sweeper), scope), (frames) =>
      Effect.flatMap(Effect.context<never>(), (context) => {
        const talk = new Talk(guest, frames, shared, keeper, scope, context)
        const untick = session.tick === undefined ? undefined : ticks(session.tick, guest.sweeper, talk)
        const stop = Effect.sync(() => {
          untick?.()
          talk.stop()
        })
        return Effect.ensuring(talk.whole, stop)
      })
    )
  )

/** How a model serves its clients. @category models @since 0.1.0 */
export interface Manner<Ask, Told> {
  readonly keeper: (client: Session.Client) => Keeper<Ask, Told>
  /** `Client.id`, from the connection and its count in this server, which begins at 1. Default: the count. */
  readonly number?: ((connection: Network.Connection, count: number) => number) | undefined
  /** Goes around all that the session does. */
  readonly turn?: (<A>(conversation: Effect.Effect<A>) => Effect.Effect<A>) | undefined
}

/** What a `TcpServer` does with every connection. @category constructors @since 0.1.0 */
export const handler =
  <S, Ask, Told>(program: Program<S, Ask, Told>, options: Pick<Options, "rate" | "seed">, manner: Manner<Ask, Told>) =>
  (connection: Network.Connection, { id: count, sweeper }: TcpServer.Client): Effect.Effect<void> => {
    const { keeper, number = (_, count) => count, turn = identity } = manner
    return Effect.flatMap(Client.make(connection, number(connection, count), options.seed), (client) =>
      Effect.flatMap(
        turn(serve(program, { client, connection, rate: options.rate, sweeper }, keeper(client))),
        (isSending) => (isSending ? LingeringClose.linger(connection, sweeper) : Effect.void)
      )
    )
  }

/** Lets it tick until the result is called. */
const ticks = (every: Duration.Input, sweeper: Sweeper.Sweeper, talk: { readonly tick: () => void }) => {
  const period = Duration.toMillis(every)
  let last = sweeper.now()
  return sweeper.add((now) => {
    if (now - last < period) return
    last = now
    talk.tick()
  })
}
