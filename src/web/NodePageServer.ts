/**
 * The HTTP server of the host for the page, with limits that hold whatever its clients do.
 *
 * Besides those of `PageServer`: a request must arrive within 5 seconds; a browser that answers no ping for 30
 * seconds, or that leaves a mebibyte unread, is disconnected; a message has at most 4 KiB.
 *
 * **Example** (A page on its own port)
 *
 * ```ts no-run
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { NodePageAssets, NodePageServer, PageHub } from "effect-inet/web"
 *
 * const live = Layer.unwrap(
 *   Effect.gen(function* () {
 *     const hub = yield* PageHub.make
 *     const assets = yield* NodePageAssets.make
 *     return NodePageServer.layer({ port: 8066, hub, assets, version: "1.0.0" })
 *   })
 * )
 *
 * NodeRuntime.runMain(Layer.launch(live))
 * ```
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import type * as Network from "../network/Network.ts"
import * as NodeHttpListener from "../network/node/NodeHttpListener.ts"
import * as Sweeper from "../network/Sweeper.ts"
import * as NodePageSocket from "./NodePageSocket.ts"
import * as PageServer from "./PageServer.ts"

/** Address and limits of the server. @category models @since 0.1.0 */
export interface HttpOptions {
  /** Address to listen on. Default 127.0.0.1, since those who may connect may watch. */
  readonly host?: string | undefined
  /** 0 to 65535; 0 selects a free port. */
  readonly port: number
  /**
   * Maximum number of open connections without WebSockets, and of WebSockets. Default 128. At most a sixteenth of the
   * file descriptors that the process may have, but 4 in any case; they are kept from `Network.availableSockets`.
   */
  readonly maxConnections?: number | undefined
  /** Time for a request to arrive. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** Time between two pings; a browser that has not answered two by the third is disconnected. Default 10 seconds. */
  readonly pingInterval?: Duration.Input | undefined
  /** Bytes that a browser has not read, with which it is disconnected. Default 1 MiB. */
  readonly maxBufferedBytes?: number | undefined
}

/** Maximum size of the line and the headers of a request: a browser sends the cookies of all servers of its host. */
const maxHeaderBytes = 16_384

/** Maximum size of a message: the longest line of a game, and the longest token, in escapes of six bytes. */
const maxMessageBytes = 4_096

/** Maximum number of requests on a connection: a page needs about ten. */
const maxRequestsPerConnection = 100

/** Time without progress of a response: the first one waits until the page is bundled. */
const responseTimeoutMillis = 35_000

/** Time for a browser to close its side when the server ends. */
const closeTimeoutMillis = 1_000

const makeHttp = Effect.fnUntraced(function* (options: HttpOptions) {
  const { host = "127.0.0.1", maxBufferedBytes = 2 ** 20, maxConnections = 128, port } = options
  const sockets = NodePageSocket.make({ closeTimeoutMillis, maxBufferedBytes, maxMessageBytes })
  const http = yield* NodeHttpListener.make({
    host,
    port,
    maxConnections,
    timeoutMillis: Duration.toMillis(options.timeout ?? "5 seconds"),
    responseTimeoutMillis,
    maxRequestsPerConnection,
    maxHeaderBytes,
    websocket: sockets.options
  })
  const sweeper = yield* Sweeper.make(options.pingInterval ?? "10 seconds")
  sweeper.add(sockets.checkAlive)
  return http
})

/** Layer of an `HttpServer` with these limits. Fails if it cannot listen. @category layers @since 0.1.0 */
export const layerHttp = (options: HttpOptions): Layer.Layer<HttpServer.HttpServer, Network.NetworkError> =>
  Layer.effect(HttpServer.HttpServer, makeHttp(options))

/**
 * Layer of the page on its own port. Fails if it cannot listen. `HttpServer.address` is its address.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: HttpOptions & PageServer.Options
): Layer.Layer<HttpServer.HttpServer, Network.NetworkError> =>
  Layer.provideMerge(PageServer.layer(options), layerHttp(options))
