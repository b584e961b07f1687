/** A connection of an HTTP server: its requests in turn, each answered before the next is read. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as Scope from "effect/Scope"
import type { Connection } from "../../../Network.ts"
import type { Sweeper } from "../../../Sweeper.ts"
import * as HttpDecoder from "../message/HttpDecoder.ts"
import * as HttpEncoder from "../message/HttpEncoder.ts"
import * as HttpHead from "../message/HttpHead.ts"
import * as HttpReader from "../message/HttpReader.ts"
import { type HttpSyntaxError, refuse } from "../message/HttpSyntaxError.ts"
import * as HttpExchange from "./HttpExchange.ts"
import { InteropServerRequest } from "./InteropServerRequest.ts"
import * as ServerResponse from "./ServerResponse.ts"

/** An application that is served. */
export interface App {
  /** Handles a request and sends its response. */
  readonly handled: Effect.Effect<void, never, unknown>
  readonly context: Context.Context<never>
  /** Scope of the fibers of requests. */
  readonly scope: Scope.Scope
}

/** Limits of the connections of a server. */
export interface ConnectionLimits extends HttpDecoder.Limits {
  readonly maxBodyBytes: number
  readonly maxRequests: number
  readonly headTimeoutMillis: number
  readonly requestTimeoutMillis: number
  readonly keepAliveTimeoutMillis: number
  readonly allowHalfOpen: boolean
}

/** Settings that the connections of a server share. */
export interface Settings {
  readonly limits: ConnectionLimits
  readonly sweeper: Sweeper
  /** Waits for the application. */
  readonly app: Effect.Effect<App>
  /** True once the server shuts down: each connection ends after its request. */
  readonly isDraining: () => boolean
}

/** State of a served connection. */
interface ServedConnection extends Settings {
  readonly connection: Connection
  readonly reader: HttpReader.HttpReader
  /** Time at which the wait for a request ends: the head, then its body. */
  deadlineMillis: number
  /** True between two requests, where the end of the connection is not an error. */
  isIdle: boolean
}

/** Time for a client to read its response after FIN, before a close can reset the connection. */
const lingerMillis = 500

/** Sends FIN, and drops what still arrives, so that a reset does not overtake the response. */
const linger = ({ connection, reader }: ServedConnection) =>
  Effect.andThen(
    connection.end,
    Effect.ignore(Effect.forever(reader.pull)).pipe(Effect.timeoutOption(lingerMillis), Effect.asVoid)
  )

const encoder = new TextEncoder()

/** Answers a request that was refused, and closes. */
const reject = (served: ServedConnection, error: HttpSyntaxError) =>
  Effect.gen(function* () {
    const body = encoder.encode(`${error.message}\n`)
    const head = HttpEncoder.responseHead(error.status, undefined, [
      ["content-type", "text/plain; charset=utf-8"],
      ["content-length", `${body.length}`],
      ["connection", "close"]
    ])
    yield* Effect.logDebug(error.message)
    yield* Effect.ignore(served.connection.write(HttpEncoder.join(head, body)))
    yield* linger(served)
  })

/** Runs the application for a request; the end of the connection interrupts it. */
const run = Effect.fnUntraced(function* (served: ServedConnection, exchange: HttpExchange.HttpExchange) {
  const { context, handled, scope } = yield* served.app
  const { reader } = served
  const request = new InteropServerRequest(exchange)
  const withRequest = Context.add(context, HttpServerRequest.HttpServerRequest, request) as Context.Context<unknown>
  const fiber = yield* Effect.forkIn(Effect.provideContext(handled, withRequest), scope, { startImmediately: true })
  const abort = () => {
    if (exchange.upgrade !== undefined || served.isDraining()) return
    if (!served.limits.allowHalfOpen || exchange.isBroken)
      fiber.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
  }
  reader.onEnd = abort
  if (reader.hasEnded) abort()
  yield* Effect.onInterrupt(Fiber.await(fiber), () => Fiber.interrupt(fiber))
  reader.onEnd = () => {}
})

/** Serves a request. True if another one may follow. */
const serveRequest = Effect.fnUntraced(function* (
  served: ServedConnection,
  head: HttpHead.RequestHead,
  isLast: boolean
) {
  const { connection, isDraining, limits, reader } = served
  const closes = isLast || !head.keepAlive
  const onBodyEnd = () => {
    served.deadlineMillis = Number.POSITIVE_INFINITY
  }
  const { maxBodyBytes } = limits
  const exchange = HttpExchange.make({ connection, reader, head, maxBodyBytes, onBodyEnd, closes, isDraining })
  const expectation = HttpHead.elementsOf(head.fields, "expect").find((one) => one !== "100-continue")
  if (expectation !== undefined && head.minorVersion === 1) {
    return yield* Effect.as(reject(served, refuse("UnsupportedExpectation", expectation)), false)
  }
  if (head.body._tag === "Fixed" && head.body.bytes > maxBodyBytes) {
    return yield* Effect.as(reject(served, refuse("BodyTooLarge", maxBodyBytes)), false)
  }
  // A request without a body ends here, so that the next read is that of the next request.
  if (head.body._tag === "None") HttpExchange.skipEmptyBody(exchange)
  yield* run(served, exchange)
  if (exchange.upgrade !== undefined) return false
  if (exchange.isBroken || !exchange.isHeadSent) return yield* Effect.as(connection.abort, false)
  if (
    exchange.hasBodyLeft &&
    (exchange.closes || !(yield* HttpExchange.drainBody(exchange, ServerResponse.maxDrainBytes)))
  ) {
    return yield* Effect.as(linger(served), false)
  }
  return !exchange.closes && !served.isDraining()
})

/** Waits for the head of a request, or undefined at the end of the connection. */
const takeHead = Effect.fnUntraced(function* (served: ServedConnection, isFirst: boolean) {
  const { limits, reader, sweeper } = served
  const start = () => {
    if (!served.isIdle) return
    served.isIdle = false
    served.deadlineMillis = sweeper.now() + limits.headTimeoutMillis
  }
  served.isIdle = true
  served.deadlineMillis = sweeper.now() + (isFirst ? limits.headTimeoutMillis : limits.keepAliveTimeoutMillis)
  if (HttpDecoder.bufferedBytes(reader.decoder) > 0) start()
  reader.onBytes = start
  const event = yield* reader.next
  reader.onBytes = () => {}
  const arrivedAt = served.deadlineMillis - limits.headTimeoutMillis
  served.deadlineMillis = arrivedAt + limits.requestTimeoutMillis
  return event._tag === "Head" ? (event.head as HttpHead.RequestHead) : undefined
})

/** Serves a connection until it ends. Fails if the connection does. */
export const serve = Effect.fnUntraced(function* (connection: Connection, settings: Settings) {
  const { limits, sweeper } = settings
  const reader = yield* HttpReader.make(connection, HttpDecoder.make("Request", limits))
  const served: ServedConnection = {
    ...settings,
    connection,
    reader,
    deadlineMillis: Number.POSITIVE_INFINITY,
    isIdle: true
  }
  const check = (now: number) => {
    if (now < served.deadlineMillis) return
    served.deadlineMillis = Number.POSITIVE_INFINITY
    reader.fail(refuse("TimedOut"))
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => sweeper.add(check)),
    (remove) => Effect.sync(remove)
  )
  const requests = Effect.gen(function* () {
    for (let count = 1; ; count++) {
      const head = yield* takeHead(served, count === 1)
      if (head === undefined) return
      const isLast = count >= limits.maxRequests || served.isDraining()
      if (!(yield* serveRequest(served, head, isLast))) return
    }
  })
  yield* Effect.catchTag(requests, "HttpSyntaxError", (error) =>
    error.reason === "TimedOut" && served.isIdle ? connection.end : reject(served, error)
  )
}, Effect.scoped)
