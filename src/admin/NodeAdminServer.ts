/**
 * The HTTP server of the host for an `AdminServer`, with limits that hold whatever its clients do.
 *
 * A client over the limit is not refused: another connection is closed for it, so that clients that send nothing keep
 * no operator out. It is the oldest one without a request, or else the oldest. A request must arrive, and its response
 * be taken, in `timeout`.
 */
import * as Duration from "effect/Duration"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import type * as Network from "../network/Network.ts"
import * as NodeHttpListener from "../network/node/NodeHttpListener.ts"
import * as AdminServer from "./AdminServer.ts"
import * as NodeProcessMetrics from "./NodeProcessMetrics.ts"

/** Address and limits of the server. @category models @since 0.1.0 */
export interface HttpOptions {
  /** Address to listen on. Default 127.0.0.1, since clients are not authenticated. */
  readonly host?: string | undefined
  /** 0 to 65535; 0 selects a free port. */
  readonly port: number
  /**
   * Maximum number of open connections; another one closes the oldest, if possible without a request. Default 16. At
   * most a sixteenth of the file descriptors that the process may have, but 4 in any case.
   */
  readonly maxConnections?: number | undefined
  /** Time for a request to arrive, and for a client to read the response. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/** Maximum size of the line and the headers of a request. */
const maxHeaderBytes = 8_192

/** Layer of an `HttpServer` with these limits. Fails if it cannot listen. @category layers @since 0.1.0 */
export const layerHttp = (options: HttpOptions): Layer.Layer<HttpServer.HttpServer, Network.NetworkError> => {
  const { host = "127.0.0.1", maxConnections = 16, port, timeout = "5 seconds" } = options
  const timeoutMillis = Duration.toMillis(timeout)
  return Layer.effect(
    HttpServer.HttpServer,
    NodeHttpListener.make({
      host,
      port,
      maxConnections,
      timeoutMillis,
      responseTimeoutMillis: timeoutMillis,
      maxRequestsPerConnection: 1,
      maxHeaderBytes
    })
  )
}

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
