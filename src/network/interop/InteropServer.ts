/** Conversion to and from effect's `SocketServer`. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import { type Listener, type ListenOptions, Network, NetworkError } from "../Network.ts"
import { fromSocket, toSocket } from "./InteropSocket.ts"

/** Tests for the end of a connection. A handler of effect/rpc makes a defect of the error of its socket. */
const isEndOfConnection = (reason: Cause.Reason<unknown>) =>
  Cause.isInterruptReason(reason) || Socket.isSocketError(Cause.isFailReason(reason) ? reason.error : reason.defect)

const logFailure = (cause: Cause.Cause<unknown>) =>
  cause.reasons.every(isEndOfConnection)
    ? Effect.logDebug("connection ended", cause)
    : Effect.logError("unhandled error in SocketServer handler", cause)

/**
 * Converts a listener to effect's `SocketServer`. Each connection is served in its own fiber, as a `Socket`.
 *
 * It closes when its handler ends or `run` is interrupted. A failing handler ends its own connection only. Socket
 * errors, as failures or as defects, are logged at DEBUG, other failures at ERROR.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toSocketServer = (listener: Listener): SocketServer.SocketServer["Service"] => ({
  address: listener.address,
  run: <R, E, _>(handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>) => {
    const serve = Effect.fnUntraced(function* (serverScope: Scope.Scope) {
      while (true) {
        const scope = yield* Scope.fork(serverScope)
        const connection = yield* Effect.mapError(
          Scope.provide(Effect.retry(listener.accept, { while: ({ reason }) => reason === "NoDescriptors" }), scope),
          (cause) =>
            new SocketServer.SocketServerError({ reason: new SocketServer.SocketServerUnknownError({ cause }) })
        )
        yield* Effect.suspend(() => handler(toSocket(connection))).pipe(
          Effect.catchCause(logFailure),
          Effect.onExit((exit) => Scope.close(scope, exit)),
          Effect.forkIn(serverScope)
        )
      }
    })
    return Effect.suspend(() => {
      const all = Scope.makeUnsafe()
      return Effect.onExit(serve(all), (exit) => Scope.close(all, exit))
    })
  }
})

/**
 * Layer of effect's `SocketServer`, listening through `Network`. Fails with `SocketServerOpenError`, whose cause is the
 * `NetworkError`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocketServer = (
  options: ListenOptions
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, Network> =>
  Layer.effect(
    SocketServer.SocketServer,
    Effect.gen(function* () {
      return toSocketServer(yield* (yield* Network).listen(options))
    }).pipe(
      Effect.mapError(
        (cause) => new SocketServer.SocketServerError({ reason: new SocketServer.SocketServerOpenError({ cause }) })
      )
    )
  )

/** Parameters that replace what an effect `SocketServer` lacks. @category models @since 0.1.0 */
export interface SocketServerOptions<R = never> {
  /**
   * Address of the peer, evaluated in the context of the server's handler. Default: the unspecified address, port 0.
   */
  readonly remote?: Effect.Effect<NetAddress.SocketAddress, never, R> | undefined
  /** Maximum number of connections waiting to be accepted; further ones are closed at once. Default 511. */
  readonly backlog?: number | undefined
}

interface PendingConnection {
  readonly socket: Socket.Socket
  readonly remote: NetAddress.SocketAddress
  readonly closed: Deferred.Deferred<void>
  accepted: boolean
}

const unspecified = NetAddress.inetAddressUnsafe(NetAddress.ipv4Unspecified, 0)

/**
 * Runs an effect `SocketServer` as a `Listener`, until the scope closes. Its connections are those of `fromSocket`. A
 * connection that ended before it was accepted is skipped.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSocketServer = Effect.fnUntraced(function* <R = never>(
  server: SocketServer.SocketServer["Service"],
  { backlog = 511, remote }: SocketServerOptions<R> = {}
): Effect.fn.Return<Listener, never, R | Scope.Scope> {
  const { address: local } = server
  const pending = yield* Queue.dropping<PendingConnection, NetworkError>(backlog)
  // Without an acquired reader the socket would stay open for ever.
  const closeUnlessAccepted = (arrival: PendingConnection) =>
    arrival.accepted ? Effect.void : Effect.ignore(Effect.scoped(arrival.socket.reader))
  const handle = Effect.fnUntraced(function* (socket: Socket.Socket) {
    const closed = Deferred.makeUnsafe<void>()
    const arrival: PendingConnection = { socket, remote: remote ? yield* remote : unspecified, closed, accepted: false }
    yield* Effect.ensuring(
      Effect.suspend(() => (Queue.offerUnsafe(pending, arrival) ? Deferred.await(closed) : Effect.void)),
      Effect.suspend(() => closeUnlessAccepted(arrival))
    )
  })
  yield* server.run(handle).pipe(
    Effect.catch(({ reason: { cause } }) => Queue.fail(pending, new NetworkError({ reason: "Unknown", cause }))),
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() => Queue.fail(pending, new NetworkError({ reason: "Closed", address: local })))

  const accept: Listener["accept"] = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      while (true) {
        const arrival = yield* restore(Queue.take(pending))
        arrival.accepted = true
        const connectionScope = yield* Scope.fork(scope)
        yield* Scope.addFinalizer(connectionScope, Deferred.succeed(arrival.closed, undefined))
        const opened = yield* Effect.exit(
          Scope.provide(fromSocket(arrival.socket, { local, remote: arrival.remote }), connectionScope)
        )
        if (Exit.isSuccess(opened)) return opened.value
        yield* Scope.close(connectionScope, Exit.void)
      }
    })
  )
  return { address: local, accept }
})
