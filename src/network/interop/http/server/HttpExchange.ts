/** State of a request and its response on a connection of a server. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type Connection, NetworkError } from "../../../Network.ts"
import type { PullBody } from "../message/HttpBodyReader.ts"
import * as HttpDecoder from "../message/HttpDecoder.ts"
import * as HttpEncoder from "../message/HttpEncoder.ts"
import * as HttpHead from "../message/HttpHead.ts"
import type { HttpReader } from "../message/HttpReader.ts"
import { type HttpSyntaxError, refuse } from "../message/HttpSyntaxError.ts"

/** A request and its response. */
export interface HttpExchange {
  readonly connection: Connection
  readonly reader: HttpReader
  readonly head: HttpHead.RequestHead
  /** Maximum size of the body of the request. */
  readonly maxBodyBytes: number
  /** True until the body of the request has been read to its end. */
  hasBodyLeft: boolean
  bodyBytes: number
  /** Called when the body of the request has ended. */
  readonly onBodyEnd: () => void
  /** True while the client waits for `100 Continue`. */
  isContinuePending: boolean
  isHeadSent: boolean
  /** True if no request may follow on the connection. */
  closes: boolean
  /** True once the server shuts down. */
  readonly isDraining: () => boolean
  /** True if the response was cut off, so that the client must notice. */
  isBroken: boolean
  /** Response with which the protocol was changed. */
  upgrade: HttpServerResponse.HttpServerResponse | undefined
}

/** Creates the state at the arrival of a head. */
export const make = (
  options: Pick<HttpExchange, "connection" | "reader" | "head" | "maxBodyBytes" | "onBodyEnd" | "closes" | "isDraining">
): HttpExchange => ({
  ...options,
  hasBodyLeft: true,
  bodyBytes: 0,
  isContinuePending:
    options.head.minorVersion === 1 && HttpHead.elementsOf(options.head.fields, "expect").includes("100-continue"),
  isHeadSent: false,
  isBroken: false,
  upgrade: undefined
})

/** Returns the fields as effect's `Headers`. */
export const headersOf = (fields: HttpHead.Fields): Headers.Headers =>
  Headers.fromRecordUnsafe(HttpHead.toRecord(fields))

/** Sends `100 Continue`, once, if the client waits for it. */
const sendContinue = (exchange: HttpExchange): Effect.Effect<void, NetworkError> => {
  if (!exchange.isContinuePending) return Effect.void
  exchange.isContinuePending = false
  return exchange.isHeadSent ? Effect.void : exchange.connection.write(HttpEncoder.responseHead(100, undefined, []))
}

/** Reads the next part of the request's body. */
const take = (exchange: HttpExchange): PullBody<NetworkError | HttpSyntaxError> =>
  Effect.flatMap(
    Effect.onError(exchange.reader.next, () => closeAfterwards(exchange)),
    (event): PullBody<HttpSyntaxError> => {
      if (event._tag === "Body") {
        exchange.bodyBytes += event.bytes.length
        if (exchange.bodyBytes <= exchange.maxBodyBytes) return Effect.succeed(event.bytes)
        return Effect.andThen(closeAfterwards(exchange), refuse("BodyTooLarge", exchange.maxBodyBytes))
      }
      exchange.hasBodyLeft = false
      exchange.onBodyEnd()
      return Cause.done()
    }
  )

const closeAfterwards = (exchange: HttpExchange) =>
  Effect.sync(() => {
    exchange.closes = true
  })

/** Reads the request's body, which the client sends now if it waited for that. */
export const pullBody = (exchange: HttpExchange): PullBody<NetworkError | HttpSyntaxError> =>
  Effect.suspend(() => {
    if (exchange.hasBodyLeft) return Effect.flatMap(sendContinue(exchange), () => take(exchange))
    // After an upgrade nobody reads a body.
    return exchange.upgrade === undefined
      ? Cause.done()
      : Effect.fail(new NetworkError({ reason: "Closed", address: exchange.connection.remote }))
  })

/** Takes the end of a request without a body, which follows its head at once. */
export const skipEmptyBody = (exchange: HttpExchange): void => {
  HttpDecoder.next(exchange.reader.decoder)
  exchange.hasBodyLeft = false
  exchange.onBodyEnd()
}

/** Reads and drops the rest of the body, up to a size. True if it has ended. */
export const drainBody = (exchange: HttpExchange, maxBytes: number): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    if (!exchange.hasBodyLeft) return Effect.succeed(true)
    const mostBytes = exchange.bodyBytes + maxBytes
    const step: Effect.Effect<boolean> = Effect.matchEffect(take(exchange), {
      onSuccess: () => (exchange.bodyBytes > mostBytes ? Effect.succeed(false) : step),
      onFailure: (error) => Effect.succeed(Cause.isDone(error))
    })
    return step
  })
