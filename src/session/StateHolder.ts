/** The state of one client: where a concurrency model keeps it, and how it is stepped. */
import type * as Effect from "effect/Effect"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"
import type * as Session from "./Session.ts"

/** Does what a session wants. @category models @since 0.1.0 */
export type Continuation<Ask, E> = (output: Session.Output<Ask>) => Effect.Effect<void, E>

/** Where the state of one client lives, and who steps it: what a model decides. @category models @since 0.1.0 */
export interface StateHolder<Ask, Message> {
  /** Called once, first; goes on with what the session wants. */
  readonly open: <E>(next: Continuation<Ask, E>) => Effect.Effect<void, E>
  /** Never called before the earlier call has come to its `then`. */
  readonly receive: <E>(input: Session.Input<Message>, next: Continuation<Ask, E>) => Effect.Effect<void, E>
}

/** One client, connected. @category models @since 0.1.0 */
export interface ClientConnection {
  readonly connection: Network.Connection
  readonly client: Session.Client
  /** The server's own: ticks and deadlines are met late by at most its period. */
  readonly sweeper: Sweeper.Sweeper
  /** Lines a second. Default 200. */
  readonly rate?: number | undefined
}
