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
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Network from "./Network.ts"
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

/** Data of a connection for its handler. @category models @since 0.1.0 */
export interface ConnectionContext {
  /** Sequence number from 1, in the order of acceptance. */
  readonly id: number
  /** Sweeper of the server, for deadlines of the protocol. */
  readonly sweeper: Sweeper.Sweeper
}

/** A running server. @category models @since 0.1.0 */
export interface TcpServer {
  readonly address: NetAddress.SocketAddress
  readonly stats: Effect.Effect<Stats>
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

/** A connection with its traffic at the last sweep and the time of its last activity. */
interface ServedConnection {
  readonly connection: Network.Connection
  readonly scope: Scope.Closeable
  readonly remoteHost: string | undefined
  /** True for a connection over a limit: it gets the busy message and is not counted as active. */
  readonly refused: boolean
  fiber: Fiber.Fiber<void, unknown> | undefined
  traffic: Network.Traffic
  lastActiveAt: number
  /** Time when the server ended the connection, in milliseconds; the handler then has the grace period. */
  endedAt: number | undefined
}

/** Time for a handler whose connection was ended, and for a client that reads the busy message. */
const gracePeriodMillis = 1_000

const noTraffic: Network.Traffic = { received: 0, sent: 0, unsent: 0 }

/**
 * Listens, and runs `handler` for every connection, until the scope closes. A connection closes when its handler ends.
 *
 * A handler that ends with the `Done` of its input has succeeded. A failure is logged at DEBUG, since its cause is one
 * client; a defect is logged at ERROR. Neither affects other connections. When the server drains, the input of all
 * handlers ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <E, R>(
  options: Options,
  handler: (connection: Network.Connection, context: ConnectionContext) => Effect.Effect<void, E, R>
) {
  const network = yield* Network.Network
  const { service = "tcp" } = options
  const parentContext = yield* Effect.context<R>()
  const annotations = { ...Context.get(parentContext, References.CurrentLogAnnotations), service }
  const context = Context.add(parentContext, References.CurrentLogAnnotations, annotations)
  const fork = Effect.runForkWith(context)
  const idleTimeoutMillis = Duration.toMillis(options.idleTimeout ?? "60 seconds")
  const writeTimeoutMillis = Duration.toMillis(options.writeTimeout ?? "30 seconds")
  const maxConnections = options.maxConnections ?? Math.max(1, Math.min(1_024, network.availableSockets()))
  const sweeper = yield* Sweeper.make(Math.max(5, Math.min(250, idleTimeoutMillis / 4, writeTimeoutMillis / 4)))
  const connections = new Set<ServedConnection>()
  const connectionsPerHost = new Map<string, number>()
  const allClosed = Latch.makeUnsafe(true)
  const { stats, publish } = ServerMetrics.make(service, context)

  const countTraffic = (served: ServedConnection) => {
    const traffic = served.connection.traffic()
    const received = traffic.received - served.traffic.received
    const sent = traffic.sent - served.traffic.sent
    served.traffic = traffic
    if (received === 0 && sent === 0) return false
    stats.bytesReceived += received
    stats.bytesSent += sent
    return true
  }

  const changeActive = (served: ServedConnection, change: 1 | -1) => {
    stats.active += change
    if (served.remoteHost === undefined) return
    const count = (connectionsPerHost.get(served.remoteHost) ?? 0) + change
    if (count === 0) connectionsPerHost.delete(served.remoteHost)
    else connectionsPerHost.set(served.remoteHost, count)
  }

  const admit = (connection: Network.Connection, scope: Scope.Closeable): ServedConnection => {
    const maxPerHost = options.maxConnectionsPerPeer
    const remoteHost =
      maxPerHost !== undefined && NetAddress.isInetAddress(connection.remote)
        ? NetAddress.formatHost(connection.remote)
        : undefined
    const refused =
      stats.active >= maxConnections ||
      (remoteHost !== undefined && (connectionsPerHost.get(remoteHost) ?? 0) >= maxPerHost!)
    const now = sweeper.now()
    const endedAt = refused ? now : undefined
    const served: ServedConnection = {
      connection,
      scope,
      remoteHost,
      refused,
      fiber: undefined,
      traffic: noTraffic,
      lastActiveAt: now,
      endedAt
    }
    connections.add(served)
    allClosed.closeUnsafe()
    stats[refused ? "refused" : "accepted"]++
    if (!refused) changeActive(served, 1)
    return served
  }

  const remove = (served: ServedConnection) => {
    countTraffic(served)
    connections.delete(served)
    if (!served.refused) changeActive(served, -1)
    if (connections.size === 0) allClosed.openUnsafe()
  }

  const cut = (served: ServedConnection) => {
    fork(served.connection.abort)
    served.fiber?.interruptUnsafe()
  }

  sweeper.add((now) => {
    for (const served of connections) {
      if (countTraffic(served)) served.lastActiveAt = now
      const peerNotReading = served.traffic.unsent > 0
      if (served.endedAt !== undefined) {
        if (now - served.endedAt >= gracePeriodMillis) cut(served)
      } else if (now - served.lastActiveAt >= (peerNotReading ? writeTimeoutMillis : idleTimeoutMillis)) {
        stats.timedOut++
        served.endedAt = now
        fork(peerNotReading ? served.connection.abort : served.connection.endRead)
      }
    }
    publish()
  })

  /**
   * Sends the busy message. What the client sends meanwhile is read and dropped, since unread input would turn the FIN
   * into an RST.
   */
  const refuse = (connection: Network.Connection) =>
    options.busyMessage === undefined
      ? Effect.void
      : connection
          .write(options.busyMessage)
          .pipe(Effect.andThen(connection.end), Effect.andThen(Effect.forever(connection.pull)), Effect.ignore)

  /** Logs a failure; the end of input is a success. */
  const report = (cause: Cause.Cause<unknown>) => {
    if (Pull.isDoneCause(cause)) return Effect.void
    return Cause.hasDies(cause)
      ? Effect.logError("unhandled defect in connection handler", cause)
      : Effect.logDebug("connection ended", Cause.squash(cause))
  }

  /** Closes the connection of a handler that has ended. */
  const finish = (served: ServedConnection, exit: Exit.Exit<void, unknown>) => {
    const closed = Scope.close(served.scope, Exit.void)
    const closeAndReport = Exit.isSuccess(exit) ? closed : Effect.andThen(report(exit.cause), closed)
    fork(closeAndReport).addObserver(() => remove(served))
  }

  /** Runs the handler in a root fiber: one forked and wrapped here costs half as much again in time and memory. */
  const serve = (connection: Network.Connection, scope: Scope.Closeable) => {
    const served = admit(connection, scope)
    const connectionContext = { id: stats.accepted, sweeper }
    const program: Effect.Effect<void, unknown, R> = served.refused
      ? refuse(connection)
      : handler(connection, connectionContext)
    served.fiber = fork(program)
    served.fiber.addObserver((exit) => finish(served, exit))
  }

  const acceptAll = (listener: Network.Listener) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const scope = Scope.makeUnsafe()
        return restore(Scope.provide(listener.accept, scope)).pipe(
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
          Effect.map((connection) => serve(connection, scope))
        )
      }).pipe(Effect.forever)
    )

  let listenerScope: Scope.Closeable | undefined
  let drained = false
  const startListening = Effect.fnUntraced(function* (listenOptions: Network.ListenOptions) {
    const scope = yield* Scope.make()
    const listener = yield* Scope.provide(network.listen(listenOptions), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    yield* Effect.ignore(acceptAll(listener)).pipe(Effect.forkIn(scope))
    listenerScope = scope
    return listener.address
  }, Effect.uninterruptible)

  const suspend = Effect.suspend(() => {
    const scope = listenerScope
    listenerScope = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  })

  const waitUntilClosed = (time: Duration.Input) => Effect.timeoutOption(Effect.interruptible(allClosed.await), time)

  const drain = yield* Effect.cached(
    Effect.gen(function* () {
      drained = true
      yield* suspend
      for (const served of connections) yield* served.connection.endRead
      yield* waitUntilClosed(options.drain ?? "5 seconds")
      for (const served of connections) cut(served)
      yield* waitUntilClosed(gracePeriodMillis)
      publish()
      if (connections.size > 0)
        yield* Effect.logError(`shutdown incomplete: ${connections.size} uninterruptible connection handlers still run`)
    })
  )

  yield* Effect.addFinalizer(() => drain)
  const address = yield* startListening(options)
  const resumeOptions = NetAddress.isInetAddress(address) ? { ...options, port: address.port } : options
  const server: TcpServer = {
    address,
    stats: Effect.sync(() => {
      for (const served of connections) countTraffic(served)
      publish()
      return { ...stats }
    }),
    suspend,
    resume: Effect.suspend(() =>
      drained
        ? Effect.fail(new Network.NetworkError({ reason: "Closed", address }))
        : listenerScope === undefined
          ? Effect.asVoid(startListening(resumeOptions))
          : Effect.void
    ),
    drain
  }
  return server
})
