/** Concurrency models: values that decide how a server serves its clients, chosen separately from the session. */
import * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Network, NetworkError, TcpListenOptions } from "../network/Network.ts"
import * as ServerConfig from "../network/ServerConfig.ts"
import type * as ServerEvents from "../network/ServerEvents.ts"
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

/**
 * Creates a config of the address, the limits, the rate and the seed of a server; see `ServerConfig.tcp`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const config = <O extends TcpListenOptions & Options>(service: string, defaults: O): Config.Config<O> => {
  const integer = (option: string, minimum: number, maximum: number) =>
    ServerConfig.integer(service, option, minimum, maximum)
  const variables = Config.all({
    tcp: ServerConfig.tcp(service, defaults),
    rate: Config.withDefault(integer("rate", 1, Number.MAX_SAFE_INTEGER), defaults.rate),
    seed: Config.withDefault(integer("seed", 0, 2 ** 32 - 1), defaults.seed)
  })
  return Config.map(variables, ({ tcp, ...own }) => ({ ...tcp, ...own }))
}

/** Running server of sessions. @category models @since 0.1.0 */
export interface SessionServer extends ServerEvents.Observable<TcpServer.Event, TcpServer.Stats> {
  readonly address: NetAddress.SocketAddress
  /** Replaces the limits, for open connections too, as `TcpServer.reconfigure`; in workers a moment later. */
  readonly reconfigure: (limits: TcpServer.Limits) => Effect.Effect<void>
  /** Returns the open connections. Absent if threads that listen themselves serve them. */
  readonly connections?: Effect.Effect<ReadonlyArray<TcpServer.OpenConnection>> | undefined
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
