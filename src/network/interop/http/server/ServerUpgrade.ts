/** Change of the protocol of a server's connection: to WebSocket, or to another one with its bytes as they are. */
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Socket from "effect/socket/Socket"
import type { NetworkError } from "../../../Network.ts"
import * as Errors from "../../InteropErrors.ts"
import * as HttpEncoder from "../message/HttpEncoder.ts"
import * as HttpHead from "../message/HttpHead.ts"
import * as UpgradedSocket from "../message/UpgradedSocket.ts"
import * as WebSocketHandshake from "../websocket/WebSocketHandshake.ts"
import * as WebSocketSocket from "../websocket/WebSocketSocket.ts"
import * as HttpExchange from "./HttpExchange.ts"

/** Fields of `101` that the connection determines. */
const reserved = new Set(["connection", "upgrade", "content-length", "transfer-encoding"])

/** Largest body of a request that is read and dropped before an upgrade. */
const maxDroppedBytes = 262_144

const openError = (text: string) =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause: new Error(text) }) })

/** Sends `101`, once the body of the request has ended. */
const switchProtocol = (exchange: HttpExchange.HttpExchange, fields: HttpHead.Fields) =>
  Effect.gen(function* () {
    if (exchange.isHeadSent || exchange.upgrade !== undefined) return yield* openError("the request has its response")
    if (!(yield* HttpExchange.drainBody(exchange, maxDroppedBytes))) return yield* openError("the body did not end")
    exchange.isHeadSent = true
    exchange.closes = true
    exchange.upgrade = HttpServerResponse.empty({ status: 101, headers: Object.fromEntries(fields) })
    const { connection, reader } = exchange
    yield* Effect.mapError(connection.write(HttpEncoder.responseHead(101, undefined, fields)), (error: NetworkError) =>
      Errors.openError(error)
    )
    return UpgradedSocket.withReader(connection, reader)
  })

/** Returns the socket of the new protocol. Its reader sends `101`. Fails if the client did not ask for an upgrade. */
export const upgrade = (
  exchange: HttpExchange.HttpExchange,
  headers: Headers.Headers,
  fail: (description: string) => HttpServerError.HttpServerError
): Effect.Effect<Socket.Socket, HttpServerError.HttpServerError> =>
  Effect.suspend(() => {
    const { fields, minorVersion } = exchange.head
    const [protocol] = HttpHead.elementsOf(fields, "upgrade")
    const isAsked = HttpHead.elementsOf(fields, "connection").includes("upgrade")
    if (protocol === undefined || !isAsked || minorVersion === 0) {
      return Effect.fail(fail("the request asks for no upgrade: `Connection` and `Upgrade` are missing"))
    }
    const more = Object.entries(headers)
    const invalid = more.find(([name]) => reserved.has(name))?.[0] ?? HttpEncoder.findInvalidField(more)
    if (invalid !== undefined) return Effect.fail(fail(`the response to an upgrade cannot have the field ${invalid}`))
    if (protocol !== "websocket") {
      const answer = [
        ["connection", "Upgrade"],
        ["upgrade", HttpHead.firstValueOf(fields, "upgrade")!],
        ...more
      ] as const
      return Effect.succeed(UpgradedSocket.make(switchProtocol(exchange, answer)))
    }
    const handshake = WebSocketHandshake.accept(exchange.head)
    if (typeof handshake === "string") return Effect.fail(fail(handshake))
    return Effect.succeed(WebSocketSocket.make(switchProtocol(exchange, [...handshake, ...more]), { role: "server" }))
  })
