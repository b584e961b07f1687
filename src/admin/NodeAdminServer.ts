/**
 * The HTTP server of the host for an `AdminServer`, with limits that hold whatever its clients do.
 *
 * A client over the limit is not refused: another connection is closed for it, so that clients that send nothing keep
 * no operator out. It is the oldest one without a request, or else the oldest. A request must arrive, and its response
 * be taken, in `timeout`.
 */
import * as Http from "node:http"
import type * as Net from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import type * as Network from "../network/Network.ts"
import * as NodeErrors from "../network/node/NodeErrors.ts"
import * as AdminServer from "./AdminServer.ts"
import * as NodeProcessMetrics from "./NodeProcessMetrics.ts"

/** Address and limits of the server. @category models @since 0.1.0 */
export interface HttpOptions {
  /** Address to listen on. Default 127.0.0.1, since clients are not authenticated. */
  readonly host?: string | undefined
  /** 0 to 65535; 0 selects a free port. */
  readonly port: number
  /** Maximum number of open connections; another one closes the oldest, if possible without a request. Default 16. */
  readonly maxConnections?: number | undefined
  /** Time for a request to arrive, and for a client to read the response. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/** Maximum size of the line and the headers of a request. */
const maxHeaderBytes = 8_192

/** Creates a server that closes a connection for one over the limit. `close` refuses new connections. */
const makeServer = ({ maxConnections = 16, timeout = "5 seconds" }: HttpOptions) => {
  const timeoutMillis = Duration.toMillis(timeout)
  const server = Http.createServer({
    headersTimeout: timeoutMillis,
    requestTimeout: timeoutMillis,
    keepAliveTimeout: timeoutMillis,
    connectionsCheckingInterval: Math.max(10, timeoutMillis / 5),
    maxHeaderSize: maxHeaderBytes
  })
  // A client that sends many requests at once and reads no response would get all of them worked on at the same time.
  server.maxRequestsPerSocket = 1
  // A client that does not read its response.
  server.timeout = timeoutMillis
  const open = new Set<Net.Socket>()
  /** Open connections whose request has not arrived: a flood of them ends no response. */
  const waiting = new Set<Net.Socket>()
  let isClosing = false
  server.on("connection", (socket) => {
    if (isClosing) return void socket.destroy()
    open.add(socket)
    waiting.add(socket)
    socket.on("close", () => {
      open.delete(socket)
      waiting.delete(socket)
    })
    if (open.size <= maxConnections) return
    const [oldest] = waiting.size > 1 ? waiting : open
    oldest?.destroy()
  })
  server.on("request", ({ socket }) => void waiting.delete(socket))
  const close = () => {
    isClosing = true
    for (const socket of open) socket.destroy()
  }
  return { server, close }
}

/** Layer of an `HttpServer` with these limits. Fails if it cannot listen. @category layers @since 0.1.0 */
export const layerHttp = (options: HttpOptions): Layer.Layer<HttpServer.HttpServer, Network.NetworkError> =>
  Layer.effect(
    HttpServer.HttpServer,
    Effect.gen(function* () {
      const { close, server } = makeServer(options)
      const { host = "127.0.0.1", port } = options
      const address = yield* NodeErrors.parseAddress(host, port)
      const http = yield* Effect.mapError(
        NodeHttpServer.make(() => server, { host, port, disablePreemptiveShutdown: true }),
        ({ cause }) => NodeErrors.networkError(cause, address)
      )
      yield* Effect.addFinalizer(() => Effect.sync(close))
      return http
    })
  )

/**
 * Layer of an admin server on its own port, with metrics of the process such as `process_resident_memory_bytes`. Fails
 * if it cannot listen. `HttpServer.address` is its address.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: HttpOptions & Omit<AdminServer.Options, "sample">
): Layer.Layer<HttpServer.HttpServer, Network.NetworkError> =>
  Layer.provideMerge(
    AdminServer.layer({ services: options.services, sample: NodeProcessMetrics.sample }),
    layerHttp(options)
  )
