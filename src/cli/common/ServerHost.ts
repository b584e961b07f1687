/** The process that runs a server as one of several: `up`. A server without a host is a process of its own. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import type * as PageHub from "../../web/PageHub.ts"

/** A running service. */
export interface Running {
  /** Default: the service has none, or opens its sockets later. */
  readonly address?: NetAddress.SocketAddress | undefined
  readonly stats?: Effect.Effect<unknown> | undefined
  /** Changes limits while the service runs. */
  readonly reconfigure?: ((limits: TcpServer.Limits) => Effect.Effect<void>) | undefined
  /** Keys of the flags that `reconfigure` changes. Default: those of a TCP server. */
  readonly limitKeys?: ReadonlySet<string> | undefined
  /** Reads files of the service again, and returns the names of what has changed. Fails with one line for the user. */
  readonly reread?: Effect.Effect<ReadonlyArray<string>, string> | undefined
  /** Returns its open connections. Default: they are not known, or it has none. */
  readonly connections?: Effect.Effect<ReadonlyArray<TcpServer.OpenConnection>> | undefined
  /** Returns the clients that it answers from ports of their own, as those of transfers. Default: none. */
  readonly ownPortClients?: Effect.Effect<ReadonlyArray<Endpoint.Endpoint>> | undefined
  /** Sources of its rows on the page, besides its state and its connections. Default: none. */
  readonly page?: PageHub.Source | undefined
  /** Counters for the page, which grow while requests are in progress. Default: `stats`. */
  readonly pageStats?: Effect.Effect<unknown> | undefined
}

/** A host of servers. */
export interface ServerHost {
  /** Takes a server that has started; it serves until the effect that runs it is interrupted. */
  readonly started: (running: Running) => Effect.Effect<void>
  /** Services that all servers of the process share, such as the network. */
  readonly context: Context.Context<never>
}

/** The host of the server that starts. Default: none. */
export class CurrentHost extends Context.Reference<ServerHost | undefined>("effect-inet/cli/ServerHost", {
  defaultValue: () => undefined
}) {}
