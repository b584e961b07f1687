/** Concurrency models: values that decide how a server serves its clients, chosen separately from the session. */
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Network, NetworkError } from "../network/Network.ts"
import type * as TcpServer from "../network/TcpServer.ts"
import type { Definition, Session, SessionError, Shared } from "./Session.ts"

/** Session to be served in this process. @category models @since 0.1.0 */
export interface Program<S, Ask = never, Message = never> {
  readonly session: Session<S, Ask, Message>
  /** State that all clients share. Required if the session returns `ask`. */
  readonly shared?: Shared<Ask, Message> | undefined
}

/** Session that other processes and threads can create too. @category models @since 0.1.0 */
export interface LoadableProgram<S, Ask = never, Message = never> extends Program<S, Ask, Message> {
  /** File URL of the module that exports `definition`. */
  readonly module: string
  // biome-ignore lint/suspicious/noExplicitAny: the options are checked by their own schema
  readonly definition: Definition<any, S, Ask, Message>
  /** Plain JSON that `definition.options` decodes. */
  readonly options: unknown
}

/** Address to listen on, and limits. @category models @since 0.1.0 */
export type Options = TcpServer.Options & {
  /** Maximum number of lines a client may send per second; further lines are delayed. Default 200. */
  readonly rate?: number | undefined
  /** Seed of the server: with it, every client's seed follows from its number. Default: random seeds. */
  readonly seed?: number | undefined
}

/** Running server of sessions. @category models @since 0.1.0 */
export interface SessionServer {
  readonly address: NetAddress.SocketAddress
  readonly stats: Effect.Effect<TcpServer.Stats>
  /** Stops accepting clients and reading input, waits for the sessions, and disconnects the rest at the deadline. */
  readonly drain: Effect.Effect<void>
}

/** Concurrency model that serves sessions in this process. @category models @since 0.1.0 */
export interface ConcurrencyModel {
  readonly name: string
  readonly serve: <S, Ask, Message>(
    program: Program<S, Ask, Message>,
    options: Options
  ) => Effect.Effect<SessionServer, NetworkError, Network | Scope.Scope>
}

/** Concurrency model that serves sessions in worker processes or threads. @category models @since 0.1.0 */
export interface WorkerModel {
  readonly name: string
  readonly serve: <S, Ask, Message>(
    program: LoadableProgram<S, Ask, Message>,
    options: Options
  ) => Effect.Effect<SessionServer, NetworkError | SessionError, Network | Scope.Scope>
}
