/**
 * The hardened accept loop: every client in a fiber of its own, limits on how many there are and how long they may be
 * silent, and an orderly end.
 *
 * Whatever a handler does or a peer sends, a connection ends with its handler, a silent one is cut, and shutdown is
 * over by its deadline. One fiber looks after all deadlines, so a connection costs no timer.
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

/** What a server allows. @category models @since 0.1.0 */
export interface Limits {
  /** Connections at a time. Default: 1,024, or what the process has descriptors for, if that is less. */
  readonly maxConnections?: number | undefined
  /** Connections at a time from one address. Default: no limit of its own. */
  readonly maxConnectionsPerPeer?: number | undefined
  /** Sent to a client over the limit, before it is closed. Default: nothing. */
  readonly busyMessage?: string | undefined
  /** A connection without a byte in either direction for this long is ended. Default 60 seconds. */
  readonly idleTimeout?: Duration.Input | undefined
  /** A peer that takes none of the bytes waiting for it for this long is cut. Default 30 seconds. */
  readonly writeTimeout?: Duration.Input | undefined
  /** How long a closing server lets requests in progress finish before it cuts them. Default 5 seconds. */
  readonly drain?: Duration.Input | undefined
  /** The name in metrics and logs. Default `tcp`. */
  readonly service?: string | undefined
}

/** Where to listen, and what to allow. @category models @since 0.1.0 */
export type Options = Network.ListenOptions & Limits

/** What a server has done so far. @category models @since 0.1.0 */
export type Stats = Readonly<ServerMetrics.Stats>

/** What a handler may want beside the connection. @category models @since 0.1.0 */
export interface ConnectionContext {
  /** Counts from 1 in the order of arrival. */
  readonly id: number
  /** The server's own, for deadlines of the protocol. */
  readonly sweeper: Sweeper.Sweeper
}

/** A running server. @category models @since 0.1.0 */
export interface TcpServer {
  readonly address: NetAddress.SocketAddress
  readonly stats: Effect.Effect<Stats>
  /** Stops listening: new clients are refused by the system, those that are connected stay. */
  readonly suspend: Effect.Effect<void>
  /** Listens again on the same address, unless the server has been drained. */
  readonly resume: Effect.Effect<void, Network.NetworkError>
  /** Ends the server as its scope does: no new clients, no more input; waits for the handlers; cuts what is left. */
  readonly drain: Effect.Effect<void>
}

/** A connection, what it did up to the last sweep, and when it last did anything. */
interface ServedConnection {
  readonly connection: Network.Connection
  readonly scope: Scope.Closeable
  readonly remoteHost: string | undefined
  /** Over the limit: it is told so and counts for nothing else. */
  readonly refused: boolean
  fiber: Fiber.Fiber<void, unknown> | undefined
  traffic: Network.Traffic
  lastActiveAt: number
  /** When the server gave up on it: what is left then has the grace time. */
  endedAt: number | undefined
}

/** What a handler has left once its connection was ended, and a client that was told that the server is busy. */
const gracePeriodMillis = 1_000

const noTraffic: Network.Traffic = { received: 0, sent: 0, unsent: 0 }

/**
 * Listens, and serves every client with `handler` until the scope closes; a connection closes when its handler ends.
 *
 * A handler that ends with the `Done` of its input has ended well. Its failure is its client's affair and is logged at
 * DEBUG; a defect is ours and is logged at ERROR; neither touches another client. Input ends for all handlers when the
 * server drains.
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
    const refused = stats.active >= maxConnections || (remoteHost !== undefined && (connectionsPerHost.get(remoteHost) ?? 0) >= maxPerHost!)
    const now = sweeper.now()
    const endedAt = refused ? now : undefined
    const served: ServedConnection = { connection, scope, remoteHost, refused, fiber: undefined, traffic: noTraffic, lastActiveAt: now, endedAt }
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
   * A client over the limit reads the line before the connection is gone: what it sends meanwhile is read and dropped.
   */
  const refuse = (connection: Network.Connection) =>
    options.busyMessage === undefined
      ? Effect.void
      : connection
          .write(options.busyMessage)
          .pipe(Effect.andThen(connection.end), Effect.andThen(Effect.forever(connection.pull)), Effect.ignore)

  /** A handler may end with the end of its input. */
  const report = (cause: Cause.Cause<unknown>) => {
    if (Pull.isDoneCause(cause)) return Effect.void
    return Cause.hasDies(cause)
      ? Effect.logError("the handler broke", cause)
      : Effect.logDebug("connection ended", Cause.squash(cause))
  }

  /** The handler has ended, however it did: so does the connection. */
  const finish = (served: ServedConnection, exit: Exit.Exit<void, unknown>) => {
    const closed = Scope.close(served.scope, Exit.void)
    const closeAndReport = Exit.isSuccess(exit) ? closed : Effect.andThen(report(exit.cause), closed)
    fork(closeAndReport).addObserver(() => remove(served))
  }

  /** A fiber of its own from the start: one forked and wrapped here costs half as much again in time and memory. */
  const serve = (connection: Network.Connection, scope: Scope.Closeable) => {
    const served = admit(connection, scope)
    const connectionContext = { id: stats.accepted, sweeper }
    const program: Effect.Effect<void, unknown, R> = served.refused ? refuse(connection) : handler(connection, connectionContext)
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
      if (connections.size > 0) yield* Effect.logError(`${connections.size} handlers do not let themselves be interrupted`)
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
