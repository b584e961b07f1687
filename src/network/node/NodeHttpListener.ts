/**
 * An HTTP server of the host with limits that hold whatever its clients do.
 *
 * A client over the limit is not refused: another connection is closed for it, so that clients that send nothing keep
 * no user out. It is the oldest one without a request, or else the oldest. A request must arrive, and its response be
 * read, in a time. WebSockets are not closed for others: there are at most as many of them as of other connections.
 *
 * Its sockets are those of no `Network`. At a low limit of descriptors it takes a part of them only, and they are kept
 * from the services before these start: neither takes the descriptors of the other.
 *
 * The parser is Node's strict one: a request with two lengths, or with a length and chunks, gets 400 and no successor.
 */
import * as Http from "node:http"
import type * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import type * as HttpServer from "effect/http/HttpServer"
import type * as Scope from "effect/Scope"
import type * as Network from "../Network.ts"
import * as NodeDescriptorBudget from "./NodeDescriptorBudget.ts"
import * as NodeErrors from "./NodeErrors.ts"

/** Address and limits of a server. */
export interface Options {
  readonly host: string
  /** 0 to 65535; 0 selects a free port. */
  readonly port: number
  /**
   * Maximum number of open connections, or a part of the descriptor limit if that is less. Another one closes the
   * oldest, if possible without a request.
   */
  readonly maxConnections: number
  /** Time for a request to arrive. */
  readonly timeoutMillis: number
  /** Time without progress of a response: while it is made, and while its client does not read. */
  readonly responseTimeoutMillis: number
  /** Requests on a connection, after which it closes. */
  readonly maxRequestsPerConnection: number
  /** Maximum size of the line and the headers of a request. */
  readonly maxHeaderBytes: number
  /** Options of WebSockets. */
  readonly websocket?: NodeHttpServer.Options["websocket"]
}

/** Time for a client to close its side after ours, once its connection is no longer one of HTTP. */
const closeTimeoutMillis = 1_000

/** The open connections of a server by what they wait for. */
const makeConnections = (maxConnections: number) => {
  const open = new Set<Duplex>()
  /** Connections whose request has not arrived: a flood of them ends no response. */
  const waiting = new Set<Duplex>()
  /** Connections that asked for another protocol. Node's limits of time do not hold for them. */
  const upgraded = new Set<Duplex>()
  let isClosing = false
  return {
    add: (socket: Net.Socket) => {
      if (isClosing) return void socket.destroy()
      open.add(socket)
      waiting.add(socket)
      socket.on("close", () => {
        open.delete(socket)
        waiting.delete(socket)
        upgraded.delete(socket)
      })
      if (open.size <= maxConnections) return
      const [oldest] = waiting.size > 1 ? waiting : open
      oldest?.destroy()
    },
    count: () => open.size + upgraded.size,
    requested: (socket: Duplex) => void waiting.delete(socket),
    upgraded: (socket: Duplex) => {
      open.delete(socket)
      waiting.delete(socket)
      if (upgraded.size >= maxConnections) return void socket.destroy()
      upgraded.add(socket)
      socket.on("finish", () => {
        const timer = setTimeout(() => socket.destroy(), closeTimeoutMillis)
        socket.once("close", () => clearTimeout(timer))
      })
    },
    close: () => {
      isClosing = true
      for (const socket of [...open, ...upgraded]) socket.destroy()
    }
  }
}

/** Creates a server that closes a connection for one over the limit. `close` refuses new connections. */
const makeServer = (options: Options) => {
  const { responseTimeoutMillis, timeoutMillis } = options
  const server = Http.createServer({
    headersTimeout: timeoutMillis,
    requestTimeout: timeoutMillis,
    keepAliveTimeout: timeoutMillis,
    connectionsCheckingInterval: Math.max(10, timeoutMillis / 5),
    maxHeaderSize: options.maxHeaderBytes,
    // Two `Host` headers are then one that no check accepts; without this, the second one would be ignored.
    joinDuplicateHeaders: true
  })
  // A client that sends many requests at once and reads no response would get all of them worked on at the same time.
  server.maxRequestsPerSocket = options.maxRequestsPerConnection
  // A client that sends nothing; one that does not read its response has a time of its own.
  server.timeout = timeoutMillis
  const maxConnections = NodeDescriptorBudget.shareOf(options.maxConnections)
  const connections = makeConnections(maxConnections)
  const onRequest = ({ socket }: Http.IncomingMessage) => {
    connections.requested(socket)
    socket.setTimeout(responseTimeoutMillis)
  }
  server.on("connection", connections.add)
  server.on("request", onRequest)
  server.on("checkContinue", onRequest)
  server.on("upgrade", (_, socket) => connections.upgraded(socket))
  /** Its own socket, and those of connections with and without an upgrade. */
  const reservation: NodeDescriptorBudget.Reservation = {
    sockets: 1 + 2 * maxConnections,
    open: () => Number(server.listening) + connections.count()
  }
  return { server, reservation, close: connections.close }
}

/** Listens until the scope closes; then all connections are closed at once. Fails if it cannot listen. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<HttpServer.HttpServer["Service"], Network.NetworkError, Scope.Scope> {
  const { host, port, websocket } = options
  const { close, reservation, server } = makeServer(options)
  const address = yield* NodeErrors.parseAddress(host, port)
  yield* Effect.acquireRelease(
    Effect.sync(() => NodeDescriptorBudget.reserve(reservation)),
    (release) => Effect.sync(release)
  )
  const http = yield* Effect.mapError(
    NodeHttpServer.make(() => server, { host, port, websocket, disablePreemptiveShutdown: true }),
    ({ cause }) => NodeErrors.networkError(cause, address)
  )
  yield* Effect.addFinalizer(() => Effect.sync(close))
  return http
})
