/**
 * Client of effect/http over `Network`: the programs of `HttpClient` and `HttpApiClient` run on every network.
 *
 * Connections are kept and used again, per origin. An interruption resets the connection of its request. Errors have
 * the kinds of `FetchHttpClient`, with the error of the network as cause: `TransportError` up to the head of the
 * response, `EncodeError` for the stream of the request, `DecodeError` for the body of the response. An idempotent
 * request whose kept connection the server has closed meanwhile is sent again, once (RFC 9110, section 9.2.2).
 *
 * Redirects are followed by `HttpClient.followRedirects`. TLS and content codings are not supported.
 *
 * **Example** (A request)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as HttpClient from "effect/http/HttpClient"
 * import * as HttpServer from "effect/http/HttpServer"
 * import { HttpServerRequest } from "effect/http/HttpServerRequest"
 * import * as HttpServerResponse from "effect/http/HttpServerResponse"
 * import * as Layer from "effect/Layer"
 * import { InteropHttpClient, InteropHttpServer, NodeServices } from "effect-inet/network"
 *
 * const app = Effect.map(HttpServerRequest, ({ url }) => HttpServerResponse.text(`you asked for ${url}`))
 * const server = HttpServer.serve(app).pipe(Layer.provideMerge(InteropHttpServer.layer({ port: 0 })))
 *
 * const program = Effect.gen(function* () {
 *   const { address } = yield* HttpServer.HttpServer
 *   const response = yield* HttpClient.get(`${HttpServer.formatAddress(address)}/path?q=1`)
 *   response.status // => 200
 *   yield* response.text // => "you asked for /path?q=1"
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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import type * as Dns from "effect/net/Dns"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type * as Network from "../../Network.ts"
import * as ClientExchange from "./client/ClientExchange.ts"
import * as ClientPool from "./client/ClientPool.ts"
import * as ClientRequest from "./client/ClientRequest.ts"
import { InteropClientResponse } from "./client/InteropClientResponse.ts"
import * as HttpDecoder from "./message/HttpDecoder.ts"
import type * as HttpHead from "./message/HttpHead.ts"
import * as UpgradedSocket from "./message/UpgradedSocket.ts"
import * as NetworkWebSocket from "./websocket/NetworkWebSocket.ts"

/** Limits of a client. @category models @since 0.1.0 */
export interface Options {
  /** Maximum size of the status line and the fields of a response, and of the trailers of a body. Default 16 KiB. */
  readonly maxHeadSize?: ByteSize.Input | undefined
  /** Maximum number of fields of a response. Default 100. */
  readonly maxFields?: number | undefined
  /** Maximum number of requests to an origin at the same time; further ones wait. Default 256. */
  readonly maxConnectionsPerOrigin?: number | undefined
  /** Maximum number of connections to an origin that are kept without a request. Default 16. */
  readonly maxIdlePerOrigin?: number | undefined
  /** Time for which a connection is kept without a request, below that of most servers. Default 4 seconds. */
  readonly keepAliveTimeout?: Duration.Input | undefined
  /** Time to look up the name and to connect. Default 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
}

const limitsOf = (options: Options): ClientPool.PoolLimits => {
  const { maxHeadSize } = options
  const { maxFields, maxHeadBytes } = HttpDecoder.defaultLimits
  return {
    maxHeadBytes: maxHeadSize === undefined ? maxHeadBytes : Number(ByteSize.fromInputUnsafe(maxHeadSize)),
    maxFields: options.maxFields ?? maxFields,
    maxConnectionsPerOrigin: options.maxConnectionsPerOrigin ?? 256,
    maxIdlePerOrigin: options.maxIdlePerOrigin ?? 16,
    keepAliveMillis: Duration.toMillis(options.keepAliveTimeout ?? "4 seconds"),
    connectTimeoutMillis: Duration.toMillis(options.connectTimeout ?? "10 seconds")
  }
}

const transportError = (request: HttpClientRequest.HttpClientRequest, cause: unknown, description: string) =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause, description }) })

const errorOf = (request: HttpClientRequest.HttpClientRequest) => (error: ClientExchange.Failure | Dns.DnsError) =>
  error._tag === "UploadError"
    ? new HttpClientError.HttpClientError({
        reason: new HttpClientError.EncodeError({ request, cause: error.cause })
      })
    : transportError(request, error, error.message)

/** Methods whose requests have the same effect once or twice (RFC 9110, section 9.2.2). */
const idempotent = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])

/** Tests if a kept connection had been closed by the server, and the request may be sent again. */
const isStale = ({ pooled, request }: ClientExchange.ClientExchange, failure: ClientExchange.Failure) =>
  pooled.isReused &&
  failure._tag === "NetworkError" &&
  request.body._tag === "Bytes" &&
  idempotent.has(request.method) &&
  HttpDecoder.isBetween(pooled.reader.decoder)

/** Sends a request on a connection and waits for the head of the response. */
const exchangeHeads = (
  pool: ClientPool.ClientPool,
  outgoing: ClientExchange.OutgoingRequest,
  url: URL,
  isFresh: boolean
): Effect.Effect<
  readonly [ClientExchange.ClientExchange, HttpHead.ResponseHead],
  ClientExchange.Failure | Dns.DnsError
> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const pooled = yield* restore(ClientPool.acquire(pool, url, isFresh))
      const exchange = ClientExchange.make(pool, pooled, outgoing)
      const head = yield* restore(
        Effect.flatMap(ClientExchange.send(exchange), () => ClientExchange.awaitHead(exchange))
      ).pipe(
        Effect.onError(() => ClientExchange.abort(exchange)),
        Effect.result
      )
      if (head._tag === "Success") return [exchange, head.success] as const
      if (!isStale(exchange, head.failure)) return yield* Effect.fail(head.failure)
      return yield* restore(exchangeHeads(pool, outgoing, url, true))
    })
  )

/** Returns the response, whose body is read in the background up to a size. */
const respond = Effect.fnUntraced(function* (
  exchange: ClientExchange.ClientExchange,
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  head: HttpHead.ResponseHead,
  signal: AbortSignal
) {
  const { connection, reader } = exchange.pooled
  const isUpgraded = head.status === 101
  exchange.keepAlive = head.keepAlive && !isUpgraded && request.headers.connection?.toLowerCase() !== "close"
  if (isUpgraded) HttpDecoder.next(reader.decoder)
  else yield* ClientExchange.startBody(exchange)
  // A short response is often whole by now: there is nothing left to be aborted.
  if (!exchange.isOver) {
    const onAbort = () => exchange.pool.fork(ClientExchange.abort(exchange))
    signal.addEventListener("abort", onAbort)
    exchange.onOver = () => signal.removeEventListener("abort", onAbort)
    if (signal.aborted) onAbort()
  }
  const upgraded = Effect.acquireRelease(Effect.succeed(UpgradedSocket.withReader(connection, reader)), () =>
    ClientExchange.close(exchange)
  )
  const { href } = url
  return new InteropClientResponse({
    ...{ request, head, url: href.split("#")[0]!, remote: connection.remote, pull: ClientExchange.pullBody(exchange) },
    upgraded: isUpgraded ? UpgradedSocket.make(upgraded) : undefined
  })
})

/**
 * Creates a client, whose connections close with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<HttpClient.HttpClient, never, Network.Network | Dns.Dns | Scope.Scope> {
  const pool = yield* ClientPool.make(limitsOf(options))
  return HttpClient.make((request, url, signal) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* (): Effect.fn.Return<
        HttpClientResponse.HttpClientResponse,
        HttpClientError.HttpClientError
      > {
        if (url.protocol !== "http:") {
          return yield* transportError(request, undefined, `${url.protocol} is not supported: no TLS over Network`)
        }
        const outgoing = yield* ClientRequest.make(request, url)
        if (typeof outgoing === "string") return yield* transportError(request, undefined, outgoing)
        const [exchange, head] = yield* restore(exchangeHeads(pool, outgoing, url, false)).pipe(
          Effect.mapError(errorOf(request))
        )
        return yield* respond(exchange, request, url, head, signal)
      })
    )
  )
})

/** Layer of effect's `HttpClient` with the default options. @category layers @since 0.1.0 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, Network.Network | Dns.Dns> = Layer.effect(
  HttpClient.HttpClient,
  make()
)

/** Layer of effect's `HttpClient`. @category layers @since 0.1.0 */
export const layerWith = (options: Options): Layer.Layer<HttpClient.HttpClient, never, Network.Network | Dns.Dns> =>
  Layer.effect(HttpClient.HttpClient, make(options))

/**
 * Layer of effect's `WebSocketConstructor`: `Socket.layerWebSocket` and the clients of effect/rpc above it then connect
 * through `Network`. Only `ws:` is supported.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWebSocketConstructor: Layer.Layer<Socket.WebSocketConstructor, never, Network.Network | Dns.Dns> =
  Layer.effect(Socket.WebSocketConstructor, NetworkWebSocket.makeConstructor(limitsOf({})))
