/**
 * A TCP server: one fiber per connection, limits on connections and idle time, and an orderly shutdown.
 *
 * A connection closes when its handler ends, an idle one is ended, and shutdown completes by its deadline, whatever
 * handlers and peers do. One fiber checks all deadlines, so a connection costs no timer.
 *
 * **Example** (An echo server)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork, TcpServer } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* TcpServer.make({ port: 0, maxConnections: 100, idleTimeout: "10 seconds" }, (connection) =>
 *     Effect.forever(Effect.flatMap(connection.pull, (bytes) => connection.write(bytes)))
 *   )
 *   const client = yield* (yield* Network.Network).connect(server.address)
 *   yield* client.write("hello")
 *   new TextDecoder().decode(yield* client.pull) // => "hello"
 *   const { accepted, bytesReceived } = yield* server.stats
 *   accepted // => 1
 *   bytesReceived // => 5
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Network from "./Network.ts"
import * as ServerEvents from "./ServerEvents.ts"
import * as ServerMetrics from "./ServerMetrics.ts"
import * as Sweeper from "./Sweeper.ts"
import type * as ConnectionLimits from "./server/ConnectionLimits.ts"
import * as ConnectionTable from "./server/ConnectionTable.ts"
import * as ListenOptions from "./server/ListenOptions.ts"
import * as OpenConnections from "./server/OpenConnections.ts"
import * as RefusalLogger from "./server/RefusalLogger.ts"

/**
 * Limits of a server. All but `keepAlive`, `proxyProtocol` and `service` can be changed by `reconfigure`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Maximum number of open connections. Default: 1,024, or `Network.availableSockets` if that is less. */
  readonly maxConnections?: number | undefined
  /** Maximum number of open connections from one address. Default: unlimited. */
  readonly maxConnectionsPerPeer?: number | undefined
  /** Maximum number of new connections in a second; further ones are reset. Default: unlimited. */
  readonly connectionsPerSecond?: number | undefined
  /** The same for the connections from one address. Default: unlimited. */
  readonly connectionsPerSecondPerPeer?: number | undefined
  /** Networks whose clients are accepted; others are reset. Unix sockets have no addresses. Default: all. */
  readonly allow?: ReadonlyArray<IpNetwork.IpNetwork> | undefined
  /** Networks whose clients are not accepted, even if `allow` contains them. Default: none. */
  readonly deny?: ReadonlyArray<IpNetwork.IpNetwork> | undefined
  /** Text sent to a client over a maximum before its connection closes. Default: none. */
  readonly busyMessage?: string | undefined
  /**
   * Time without data in either direction, after which a connection is ended. For lines only complete ones are data of
   * the client. Default 60 seconds.
   */
  readonly idleTimeout?: Duration.Input | undefined
  /**
   * Time in which a peer must take some of the bytes waiting for it, else the connection is reset. Default 30 seconds.
   */
  readonly writeTimeout?: Duration.Input | undefined
  /** Time that a closing server waits for handlers before it resets their connections. Default 5 seconds. */
  readonly drain?: Duration.Input | undefined
  /** Time without traffic after which TCP probes if the client still exists. Default: never. */
  readonly keepAlive?: Duration.Input | undefined
  /**
   * Requires a PROXY header, version 1 or 2, at the start of each connection. `remote` is then the address in it, which
   * all limits and logs use. The proxy must send it within 5 seconds. A client that can connect chooses that address:
   * let only the proxy reach the port. Default false.
   */
  readonly proxyProtocol?: boolean | undefined
  /** Name in metrics and logs. Default `tcp`. */
  readonly service?: string | undefined
}

/** Address to listen on, and limits. @category models @since 0.1.0 */
export type Options = Network.ListenOptions & Limits

/** Counters of a server since its start. @category models @since 0.1.0 */
export type Stats = Readonly<ServerMetrics.Stats>

/** Event of a connection. `id` is that of its `ConnectionContext`. @category models @since 0.1.0 */
export type Event = ConnectionTable.Event

/** Data of a connection for its handler. @category models @since 0.1.0 */
export type ConnectionContext = ConnectionTable.ConnectionContext

/** An open connection of a client. @category models @since 0.1.0 */
export type OpenConnection = OpenConnections.OpenConnection

/** A running server. `Other` are the events that its owner adds. @category models @since 0.1.0 */
export interface TcpServer<Other = never> extends ServerEvents.Observable<Event | Other, Stats> {
  readonly address: NetAddress.SocketAddress
  /** Returns the connections that are served, in the order of their acceptance, with their traffic up to now. */
  readonly connections: Effect.Effect<ReadonlyArray<OpenConnection>>
  /** Closes the listening socket: the system refuses new clients, open connections stay. */
  readonly suspend: Effect.Effect<void>
  /** Listens again on the same address. Fails with `Closed` after `drain`. */
  readonly resume: Effect.Effect<void, Network.NetworkError>
  /**
   * Replaces the limits, for open connections too; those that are left out return to their defaults. No connection is
   * closed because of a lower maximum or a new `deny`.
   */
  readonly reconfigure: (limits: Limits) => Effect.Effect<void>
  /**
   * Shuts the server down, as closing its scope does. It stops listening, ends the input of all handlers, waits for
   * them, then resets the remaining connections.
   */
  readonly drain: Effect.Effect<void>
}

/** The listening socket of a server, which `suspend` closes and `resume` opens again. */
interface Listening {
  readonly listen: (
    options: Network.ListenOptions
  ) => Effect.Effect<Network.Listener, Network.NetworkError, Scope.Scope>
  readonly onConnection: (connection: Network.Connection, scope: Scope.Closeable) => void
  readonly onNoDescriptors: (error: Network.NetworkError) => void
  /** Scope of the listening socket; undefined while suspended. */
  scope: Scope.Closeable | undefined
  isDrained: boolean
}

const acceptAll = (listener: Network.Listener, { onConnection, onNoDescriptors }: Listening) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const scope = Scope.makeUnsafe()
      return restore(Scope.provide(listener.accept, scope)).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        Effect.map((connection) => onConnection(connection, scope)),
        Effect.catchIf(
          ({ reason }) => reason === "NoDescriptors",
          (error) => Effect.sync(() => onNoDescriptors(error))
        )
      )
    }).pipe(Effect.forever)
  )

const startListening = Effect.fnUntraced(function* (listening: Listening, options: Network.ListenOptions) {
  const scope = yield* Scope.make()
  const listener = yield* Scope.provide(listening.listen(options), scope).pipe(
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  yield* Effect.ignore(acceptAll(listener, listening)).pipe(Effect.forkIn(scope))
  listening.scope = scope
  return listener.address
}, Effect.uninterruptible)

const stopListening = (listening: Listening) =>
  Effect.suspend(() => {
    const { scope } = listening
    listening.scope = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  })

const limitsOf = (limits: Limits, defaultMaxConnections: number): ConnectionLimits.ConnectionLimits => ({
  maxConnections: limits.maxConnections ?? defaultMaxConnections,
  maxConnectionsPerPeer: limits.maxConnectionsPerPeer ?? Number.POSITIVE_INFINITY,
  connectionsPerSecond: limits.connectionsPerSecond ?? Number.POSITIVE_INFINITY,
  connectionsPerSecondPerPeer: limits.connectionsPerSecondPerPeer ?? Number.POSITIVE_INFINITY,
  allow: limits.allow,
  deny: limits.deny ?? [],
  busyMessage: limits.busyMessage,
  idleTimeoutMillis: Duration.toMillis(limits.idleTimeout ?? "60 seconds"),
  writeTimeoutMillis: Duration.toMillis(limits.writeTimeout ?? "30 seconds"),
  drainMillis: Duration.toMillis(limits.drain ?? "5 seconds")
})

/**
 * Returns the options of the listening socket of a server: the backlog follows `maxConnections`, unless it is given.
 *
 * @category getters
 * @since 0.1.0
 */
export const listenOptions: (options: Options) => Network.ListenOptions = ListenOptions.withBacklog

/**
 * Listens, and runs `handler` for every connection, until the scope closes. A connection closes when its handler ends.
 *
 * A handler that ends with the `Done` of its input has succeeded. A failure is logged at DEBUG, since its cause is one
 * client; a defect is logged at ERROR. Neither affects other connections. When the server drains, the input of all
 * handlers ends.
 *
 * The log annotations of a handler are the `service`, the `client`, which is the id, and its address `remote`. With a
 * tracer, a handler runs in the span `TcpServer.connection`, which has the same attributes.
 *
 * A server that has other events, too, passes their `source`, so that all have one order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <E, R, Other = never>(
  options: Options,
  handler: (connection: Network.Connection, context: ConnectionContext) => Effect.Effect<void, E, R>,
  source?: ServerEvents.ServerEvents<Event | Other>
) {
  const network = yield* Network.Network
  const { proxyProtocol = false, service = "tcp" } = options
  const context = yield* Effect.context<R>()
  const defaultMaxConnections = Math.max(1, Math.min(ListenOptions.maxDefaultConnections, network.availableSockets()))
  const limits = limitsOf(options, defaultMaxConnections)
  const { idleTimeoutMillis, maxConnections, writeTimeoutMillis } = limits
  const sweeper = yield* Sweeper.make(Math.max(5, Math.min(250, idleTimeoutMillis / 4, writeTimeoutMillis / 4)))
  const { emit, events } = source ?? (yield* ServerEvents.make<Event | Other>())
  const metrics = ServerMetrics.make(service, context)
  const refusalLogger = yield* RefusalLogger.make<ConnectionLimits.RefusalReason>({
    now: sweeper.now,
    write: ({ level, text }) => Effect.annotateLogs(Effect.logWithLevel(level)(text), { service })
  })
  const table = ConnectionTable.make({
    ...{ service, context, limits, proxyProtocol, sweeper, metrics, emit, refusalLogger, handler }
  })
  sweeper.add((now) => ConnectionTable.sweep(table, now))

  const listening: Listening = {
    listen: network.listen,
    onConnection: (connection, scope) => ConnectionTable.serve(table, connection, scope),
    onNoDescriptors: (error) => ConnectionTable.refuseUnaccepted(table, error),
    scope: undefined,
    isDrained: false
  }
  const suspend = stopListening(listening)
  const stop = Effect.suspend(() => {
    listening.isDrained = true
    return Effect.andThen(suspend, ConnectionTable.drain(table))
  })
  const drain = yield* Effect.cached(stop)
  yield* Effect.addFinalizer(() => drain)
  const address = yield* startListening(listening, listenOptions({ ...options, maxConnections }))
  const resumeOptions = listenOptions({
    ...(NetAddress.isInetAddress(address) ? { ...options, port: address.port } : options),
    maxConnections
  })
  const resume = Effect.suspend(() =>
    listening.isDrained
      ? Effect.fail(new Network.NetworkError({ reason: "Closed", address }))
      : listening.scope === undefined
        ? Effect.asVoid(startListening(listening, resumeOptions))
        : Effect.void
  )
  const stats = Effect.sync((): Stats => ConnectionTable.stats(table))
  // A step of the host's clock changes no time of acceptance.
  const epochMillis = (yield* Clock.currentTimeMillis) - sweeper.now()
  const connections = Effect.sync(() => OpenConnections.list(table, epochMillis))
  const reconfigure = (limits: Limits) =>
    Effect.sync(() => ConnectionTable.setLimits(table, limitsOf(limits, defaultMaxConnections)))
  const observable = ServerEvents.observable(events, stats)
  const server: TcpServer<Other> = { ...observable, address, connections, suspend, resume, reconfigure, drain }
  return server
})
