/**
 * Server of effect/http over `Network`: an app of `HttpRouter`, `HttpApi` or a plain effect runs on every network.
 *
 * The parser is the package's own. It has no event loop and no promises, so that the same app runs in a simulated run,
 * in virtual time and with injected faults. HTTP/1.1 and HTTP/1.0 (RFC 9112): keep-alive, pipelined requests, chunked
 * bodies, `Expect: 100-continue`, and upgrades, to WebSocket (RFC 6455) among others. TLS and HTTP/2 need a proxy.
 *
 * Streams of the platform in a response or a form with files wait for the platform's promises; a simulated run cannot.
 *
 * **Example** (A server and a client)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as HttpClient from "effect/http/HttpClient"
 * import * as HttpServer from "effect/http/HttpServer"
 * import * as HttpServerResponse from "effect/http/HttpServerResponse"
 * import * as Layer from "effect/Layer"
 * import { InteropHttpClient, InteropHttpServer, NodeServices } from "effect-inet/network"
 *
 * const app = Effect.succeed(HttpServerResponse.text("hello"))
 * const server = HttpServer.serve(app).pipe(Layer.provideMerge(InteropHttpServer.layer({ port: 0 })))
 *
 * const program = Effect.gen(function* () {
 *   const { address } = yield* HttpServer.HttpServer
 *   const response = yield* HttpClient.get(HttpServer.formatAddress(address))
 *   yield* response.text // => "hello"
 * })
 *
 * await Effect.runPromise(
 *   program.pipe(
 *     Effect.provide(Layer.merge(server, InteropHttpClient.layer)),
 *     Effect.provide(NodeServices.layer)
 *   )
 * )
 * ```
 */
import * as ByteSize from "effect/ByteSize"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerError from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Network from "../../Network.ts"
import * as TcpServer from "../../TcpServer.ts"
import * as HttpDecoder from "./message/HttpDecoder.ts"
import * as ServerConnection from "./server/ServerConnection.ts"
import * as ServerResponse from "./server/ServerResponse.ts"

/** Limits of the requests of a server, and of its connections. @category models @since 0.1.0 */
export interface Limits extends TcpServer.Limits {
  /** Maximum size of the request line and the fields, and of the trailers of a body. Default 16 KiB. */
  readonly maxHeadSize?: ByteSize.Input | undefined
  /** Maximum number of fields of a request. Default 100. */
  readonly maxFields?: number | undefined
  /** Maximum size of the body of a request; a larger one is answered with 413. Default: unlimited. */
  readonly maxBodySize?: ByteSize.Input | undefined
  /** Maximum number of requests on a connection, after which it closes. Default: unlimited. */
  readonly maxRequestsPerConnection?: number | undefined
  /** Time for the head of a request to arrive. Default 60 seconds. */
  readonly headTimeout?: Duration.Input | undefined
  /** Time for a whole request to arrive. Default 300 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /** Time without a request, after which a connection closes. Default 5 seconds. */
  readonly keepAliveTimeout?: Duration.Input | undefined
  /**
   * Time without data in either direction, after which a connection is ended, while its request is handled, too.
   * Default: unlimited.
   */
  readonly idleTimeout?: Duration.Input | undefined
}

/** Options of a server. @category models @since 0.1.0 */
export type Options = Network.ListenOptions & {
  readonly limits?: Limits | undefined
  /**
   * Answers a client that has sent FIN after its request. Default false: such a client is taken for gone, and its
   * request is interrupted, as Node does.
   */
  readonly allowHalfOpen?: boolean | undefined
}

const connectionLimits = (limits: Limits, allowHalfOpen: boolean): ServerConnection.ConnectionLimits => {
  const { headTimeout = "60 seconds", keepAliveTimeout = "5 seconds", maxBodySize, maxHeadSize } = limits
  const bytes = (size: ByteSize.Input | undefined, otherwise: number) =>
    size === undefined ? otherwise : Number(ByteSize.fromInputUnsafe(size))
  return {
    maxHeadBytes: bytes(maxHeadSize, HttpDecoder.defaultLimits.maxHeadBytes),
    maxFields: limits.maxFields ?? HttpDecoder.defaultLimits.maxFields,
    maxBodyBytes: bytes(maxBodySize, Number.POSITIVE_INFINITY),
    maxRequests: limits.maxRequestsPerConnection ?? Number.POSITIVE_INFINITY,
    headTimeoutMillis: Duration.toMillis(headTimeout),
    requestTimeoutMillis: Duration.toMillis(limits.requestTimeout ?? "300 seconds"),
    keepAliveTimeoutMillis: Duration.toMillis(keepAliveTimeout),
    allowHalfOpen
  }
}

/**
 * Listens, and serves the app that `serve` of the result is given, until the scope closes. A connection before that
 * waits. Fails with `ServeError`, whose cause is the `NetworkError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<HttpServer.HttpServer["Service"], HttpServerError.ServeError, Network.Network | Scope.Scope> {
  const { allowHalfOpen = false, limits = {}, ...listen } = options
  const app = yield* Deferred.make<ServerConnection.App>()
  let isDraining = false
  const shared = {
    limits: connectionLimits(limits, allowHalfOpen),
    app: Deferred.await(app),
    isDraining: () => isDraining
  }
  const server = yield* TcpServer.make(
    { ...listen, ...limits, service: limits.service ?? "http", idleTimeout: limits.idleTimeout ?? Duration.infinity },
    (connection, { sweeper }) => ServerConnection.serve(connection, { ...shared, sweeper })
  ).pipe(Effect.mapError((cause) => new HttpServerError.ServeError({ cause })))
  const drain = Effect.suspend(() => {
    isDraining = true
    return server.drain
  })
  yield* Effect.addFinalizer(() => drain)
  return HttpServer.make({
    address: server.address,
    serve: Effect.fnUntraced(function* (effect, middleware) {
      const serveScope = yield* Effect.scope
      const scope = yield* Scope.fork(serveScope, "parallel")
      const context = yield* Effect.context<never>()
      const handled = HttpEffect.toHandled(effect, ServerResponse.send, middleware)
      // Requests end before the services of the app do.
      yield* Scope.addFinalizer(serveScope, drain)
      yield* Deferred.succeed(app, { handled, context, scope })
    })
  })
})

/**
 * Layer of effect's `HttpServer`. An app that needs files, `HttpApi` among them, also needs `HttpServer.layerServices`,
 * or `HttpPlatform.layer`, `Etag.layer` and the `FileSystem` of its host.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<HttpServer.HttpServer, HttpServerError.ServeError, Network.Network> =>
  Layer.effect(HttpServer.HttpServer, make(options))
