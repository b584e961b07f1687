/** The state of one client: where a concurrency model keeps it, and how inputs reach it. */
import type * as Effect from "effect/Effect"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"
import type * as TcpServer from "../network/TcpServer.ts"
import type * as Session from "./Session.ts"

/** Performs the output of a session. @category models @since 0.1.0 */
export type Continuation<Ask, E> = (output: Session.Output<Ask>) => Effect.Effect<void, E>

/** State of one client, at the place that the concurrency model chooses. @category models @since 0.1.0 */
export interface ClientStateHolder<Ask, Message> {
  /** Opens the session and runs `next` with its output. Called once, before `receive`. */
  readonly open: <E>(next: Continuation<Ask, E>) => Effect.Effect<void, E>
  /** Steps the session and runs `next` with its output. Not called before the previous call has reached its `next`. */
  readonly receive: <E>(input: Session.Input<Message>, next: Continuation<Ask, E>) => Effect.Effect<void, E>
}

/** Connected client. @category models @since 0.1.0 */
export interface ClientConnection {
  readonly connection: Network.Connection
  readonly client: Session.ClientInfo
  /** Sweeper of the server. Ticks and deadlines are late by at most its period. */
  readonly sweeper: Sweeper.Sweeper
  /** Counter of the client's lines, for its idle time. */
  readonly data?: TcpServer.ConnectionContext["data"] | undefined
  /** Maximum number of lines per second. Default 200. */
  readonly rate?: number | undefined
}
