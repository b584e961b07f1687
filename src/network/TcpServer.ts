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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as ConnectionLimits from "./ConnectionLimits.ts"
import * as ConnectionTable from "./ConnectionTable.ts"
import * as Network from "./Network.ts"
import * as ServerEvents from "./ServerEvents.ts"
import * as ServerMetrics from "./ServerMetrics.ts"
import * as Sweeper from "./Sweeper.ts"

/** Limits of a server. @category models @since 0.1.0 */
export interface Limits {
  /** Maximum number of open connections. Default: 1,024, or `Network.availableSockets` if that is less. */
  readonly maxConnections?: number | undefined
  /** Maximum number of open connections from one address. Default: unlimited. */
  readonly maxConnectionsPerPeer?: number | undefined
  /** Text sent to a client over the limit before its connection closes. Default: none. */
  readonly busyMessage?: string | undefined
  /** Time without a byte in either direction, after which a connection is ended. Default 60 seconds. */
  readonly idleTimeout?: Duration.Input | undefined
  /**
   * Time in which a peer must take some of the bytes waiting for it, else the connection is reset. Default 30 seconds.
   */
  readonly writeTimeout?: Duration.Input | undefined
  /** Time that a closing server waits for handlers before it resets their connections. Default 5 seconds. */
  readonly drain?: Duration.Input | undefined
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

/** A running server. `Other` are the events that its owner adds. @category models @since 0.1.0 */
export interface TcpServer<Other = never> extends ServerEvents.Observable<Event | Other, Stats> {
  readonly address: NetAddress.SocketAddress
  /** Closes the listening socket: the system refuses new clients, open connections stay. */
  readonly suspend: Effect.Effect<void>
  /** Listens again on the same address. Fails with `Closed` after `drain`. */
  readonly resume: Effect.Effect<void, Network.NetworkError>
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
  /** Scope of the listening socket; undefined while suspended. */
  scope: Scope.Closeable | undefined
  isDrained: boolean
}

const acceptAll = (listener: Network.Listener, onConnection: Listening["onConnection"]) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const scope = Scope.makeUnsafe()
      return restore(Scope.provide(listener.accept, scope)).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        Effect.map((connection) => onConnection(connection, scope))
      )
    }).pipe(Effect.forever)
  )

const startListening = Effect.fnUntraced(function* (listening: Listening, options: Network.ListenOptions) {
  const scope = yield* Scope.make()
  const listener = yield* Scope.provide(listening.listen(options), scope).pipe(
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  yield* Effect.ignore(acceptAll(listener, listening.onConnection)).pipe(Effect.forkIn(scope))
  listening.scope = scope
  return listener.address
}, Effect.uninterruptible)

const stopListening = (listening: Listening) =>
  Effect.suspend(() => {
    const { scope } = listening
    listening.scope = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  })

const limitsOf = (options: Limits, availableSockets: () => number): ConnectionLimits.ConnectionLimits => ({
  maxConnections: options.maxConnections ?? Math.max(1, Math.min(1_024, availableSockets())),
  maxConnectionsPerPeer: options.maxConnectionsPerPeer ?? Number.POSITIVE_INFINITY,
  idleTimeoutMillis: Duration.toMillis(options.idleTimeout ?? "60 seconds"),
  writeTimeoutMillis: Duration.toMillis(options.writeTimeout ?? "30 seconds")
})

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
  const { service = "tcp" } = options
  const context = yield* Effect.context<R>()
  const limits = limitsOf(options, network.availableSockets)
  const { idleTimeoutMillis, writeTimeoutMillis } = limits
  const sweeper = yield* Sweeper.make(Math.max(5, Math.min(250, idleTimeoutMillis / 4, writeTimeoutMillis / 4)))
  const { emit, events } = source ?? (yield* ServerEvents.make<Event | Other>())
  const metrics = ServerMetrics.make(service, context)
  const { busyMessage } = options
  const table = ConnectionTable.make({ service, context, limits, busyMessage, sweeper, metrics, emit, handler })
  sweeper.add((now) => ConnectionTable.sweep(table, now))

  const listening: Listening = {
    listen: network.listen,
    onConnection: (connection, scope) => ConnectionTable.serve(table, connection, scope),
    scope: undefined,
    isDrained: false
  }
  const suspend = stopListening(listening)
  const stop = Effect.suspend(() => {
    listening.isDrained = true
    return Effect.andThen(suspend, ConnectionTable.drain(table, options.drain ?? "5 seconds"))
  })
  const drain = yield* Effect.cached(stop)
  yield* Effect.addFinalizer(() => drain)
  const address = yield* startListening(listening, options)
  const resumeOptions = NetAddress.isInetAddress(address) ? { ...options, port: address.port } : options
  const resume = Effect.suspend(() =>
    listening.isDrained
      ? Effect.fail(new Network.NetworkError({ reason: "Closed", address }))
      : listening.scope === undefined
        ? Effect.asVoid(startListening(listening, resumeOptions))
        : Effect.void
  )
  const stats = Effect.sync((): Stats => ConnectionTable.stats(table))
  const server: TcpServer<Other> = { ...ServerEvents.observable(events, stats), address, suspend, resume, drain }
  return server
})
