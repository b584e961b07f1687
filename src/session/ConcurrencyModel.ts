/** How the clients of a session are served: a value, chosen beside the session. */
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Network, NetworkError } from "../network/Network.ts"
import type * as TcpServer from "../network/TcpServer.ts"
import type { Definition, Session, SessionError, Shared } from "./Session.ts"

/** A session as a value, to be served in this process. @category models @since 0.1.0 */
export interface Program<S, Ask = never, Message = never> {
  readonly session: Session<S, Ask, Message>
  /** Answers what sessions ask; needed by those that do. */
  readonly shared?: Shared<Ask, Message> | undefined
}

/** A session that other processes and threads can make, too. @category models @since 0.1.0 */
export interface LoadableProgram<S, Ask = never, Message = never> extends Program<S, Ask, Message> {
  /** The module that exports `definition`, as a file URL. */
  readonly module: string
  // biome-ignore lint/suspicious/noExplicitAny: the options are checked by their own schema
  readonly definition: Definition<any, S, Ask, Message>
  /** What `definition.options` decodes: plain JSON. */
  readonly options: unknown
}

/** Where to listen, and what to allow. @category models @since 0.1.0 */
export type Options = TcpServer.Options & {
  /** Lines a client may send in a second; faster ones wait. Default 200. */
  readonly rate?: number | undefined
  /** Makes the chances of every client follow from its number. Default: real chance. */
  readonly seed?: number | undefined
}

/** A server of sessions. @category models @since 0.1.0 */
export interface SessionServer {
  readonly address: NetAddress.SocketAddress
  readonly stats: Effect.Effect<TcpServer.Stats>
  /** No new clients, no more input; waits for the sessions, then cuts what is left. */
  readonly drain: Effect.Effect<void>
}

/** A way to serve sessions in this process. @category models @since 0.1.0 */
export interface ConcurrencyModel {
  readonly name: string
  readonly serve: <S, Ask, Message>(
    program: Program<S, Ask, Message>,
    options: Options
  ) => Effect.Effect<SessionServer, NetworkError, Network | Scope.Scope>
}

/** A way to serve sessions in other processes or threads, which must make them. @category models @since 0.1.0 */
export interface WorkerModel {
  readonly name: string
  readonly serve: <S, Ask, Message>(
    program: LoadableProgram<S, Ask, Message>,
    options: Options
  ) => Effect.Effect<SessionServer, NetworkError | SessionError, Network | Scope.Scope>
}
