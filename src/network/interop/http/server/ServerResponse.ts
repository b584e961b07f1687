/** Writer of the responses of a server. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as HttpServerError from "effect/http/HttpServerError"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import * as HttpBodyWriter from "../message/HttpBodyWriter.ts"
import * as HttpEncoder from "../message/HttpEncoder.ts"
import * as HttpSyntax from "../message/HttpSyntax.ts"
import type { HttpExchange } from "./HttpExchange.ts"
import type { InteropServerRequest } from "./InteropServerRequest.ts"

type Response = HttpServerResponse.HttpServerResponse

/** Body up to this size is sent in one write with the head. */
const maxJoinedBytes = 65_536

/** Unread body of a request over this size closes the connection, instead of being read and dropped. */
export const maxDrainBytes = 262_144

/** Fields that the connection determines, whatever the response says. */
const framing = new Set(["connection", "transfer-encoding", "keep-alive", "upgrade"])

const isFinal = (status: number) => Number.isInteger(status) && status >= 200 && status <= 599

/** Framing of the body of a response. */
type Framing = { readonly _tag: "None" | "Chunked" | "UntilEnd" } | { readonly _tag: "Length"; readonly bytes: number }

let date = { second: Number.NaN, text: "" }

/** Returns the date of a response; most are of the second of the one before. */
const dateOf = (millis: number): string => {
  const second = Math.floor(millis / 1_000)
  if (second !== date.second) date = { second, text: new Date(millis).toUTCString() }
  return date.text
}

/** Returns the fields of a response, without those of its body's length. */
const fieldsOf = (response: Response, nowMillis: number): Array<readonly [string, string]> => {
  const fields: Array<readonly [string, string]> = []
  for (const [name, value] of Object.entries(response.headers)) {
    if (!framing.has(name) && name !== "content-length") fields.push([name, value])
  }
  for (const cookie of Cookies.toSetCookieHeaders(response.cookies)) fields.push(["set-cookie", cookie])
  if (response.headers.date === undefined) fields.push(["date", dateOf(nowMillis)])
  return fields
}

/** Tests if the rest of the request's body is too long to be read only to keep the connection. */
const leavesBody = ({ bodyBytes, hasBodyLeft, head: { body } }: HttpExchange) =>
  hasBodyLeft && body._tag === "Fixed" && body.bytes - bodyBytes > maxDrainBytes

/** Writes the head, with bytes of the body in the same write. */
const writeHead = (
  exchange: HttpExchange,
  response: Response,
  body: Framing,
  contentType: string | undefined,
  first?: Uint8Array
) =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMillis) => {
    if (!isFinal(response.status)) {
      return Effect.die(new RangeError(`a final status is 200 to 599, not ${response.status}`))
    }
    const fields = fieldsOf(response, nowMillis)
    if (contentType !== undefined) fields.push(["content-type", contentType])
    if (body._tag === "Length") fields.push(["content-length", `${body.bytes}`])
    if (body._tag === "Chunked") fields.push(["transfer-encoding", "chunked"])
    const asked = response.headers.connection?.toLowerCase()
    const mayStream = body._tag === "Chunked" || body._tag === "UntilEnd"
    exchange.closes ||=
      body._tag === "UntilEnd" ||
      exchange.isContinuePending ||
      exchange.isDraining() ||
      asked === "close" ||
      (!mayStream && leavesBody(exchange))
    if (exchange.closes) fields.push(["connection", "close"])
    else if (exchange.head.minorVersion === 0) fields.push(["connection", "keep-alive"])
    const invalid = HttpEncoder.findInvalidField(fields)
    if (invalid !== undefined)
      return Effect.die(new TypeError(`the field ${invalid} has characters that cannot be sent`))
    const { statusText } = response
    if (statusText !== undefined && !HttpSyntax.isFieldValue(statusText)) {
      return Effect.die(new TypeError("the status text has characters that cannot be sent"))
    }
    exchange.isHeadSent = true
    const head = HttpEncoder.responseHead(response.status, statusText, fields)
    return exchange.connection.write(first === undefined ? head : HttpEncoder.join(head, first))
  })

const mismatch = (wanted: number, sent: number) =>
  new Error(`the response has ${sent} bytes, but its Content-Length says ${wanted}`)

/** Content-Length that the response states itself. */
const statedLength = ({ headers }: Response): number | undefined => {
  const stated = headers["content-length"]
  return stated === undefined ? undefined : Number(stated)
}

const writeBytes = (
  exchange: HttpExchange,
  response: Response,
  body: Extract<HttpBodyWriter.OutgoingBody, { _tag: "Bytes" }>
) => {
  const { bytes, contentType } = body
  const stated = statedLength(response) ?? bytes.length
  if (stated !== bytes.length) return Effect.die(mismatch(stated, bytes.length))
  const length: Framing = { _tag: "Length", bytes: bytes.length }
  if (bytes.length <= maxJoinedBytes) return writeHead(exchange, response, length, contentType, bytes)
  // The connection owns what it writes, and a response may be sent again.
  const copy = Effect.suspend(() => exchange.connection.write(bytes.slice()))
  return Effect.andThen(writeHead(exchange, response, length, contentType), copy)
}

const writeStream = (
  exchange: HttpExchange,
  response: Response,
  body: Extract<HttpBodyWriter.OutgoingBody, { _tag: "Stream" }>
) =>
  Effect.gen(function* () {
    const { connection, head } = exchange
    const wanted = statedLength(response) ?? body.length
    const framing: Framing =
      wanted === undefined
        ? { _tag: head.minorVersion === 1 ? "Chunked" : "UntilEnd" }
        : { _tag: "Length", bytes: wanted }
    yield* writeHead(exchange, response, framing, body.contentType)
    let sent = 0
    const isChunked = framing._tag === "Chunked"
    yield* Stream.runForEach(Stream.orDie(body.stream), (bytes) => {
      sent += bytes.length
      if (wanted !== undefined && sent > wanted) return Effect.die(mismatch(wanted, sent))
      if (bytes.length === 0) return Effect.void
      return connection.write(isChunked ? HttpEncoder.chunk(bytes) : bytes.slice())
    }).pipe(Effect.interruptible)
    if (wanted !== undefined && sent < wanted) return yield* Effect.die(mismatch(wanted, sent))
    if (isChunked) yield* connection.write(HttpEncoder.lastChunk())
  })

/** Writes the head of a response without its body: of HEAD, 204, 205 and 304. */
const writeWithoutBody = (exchange: HttpExchange, response: Response) => {
  const { body, status } = response
  const known = "contentLength" in body ? body.contentLength : undefined
  const bytes = statedLength(response) ?? (body._tag === "Empty" && exchange.head.method === "HEAD" ? 0 : known)
  const framing: Framing =
    status === 204 || bytes === undefined ? { _tag: "None" } : { _tag: "Length", bytes: status === 205 ? 0 : bytes }
  return writeHead(exchange, response, status === 205 ? { _tag: "Length", bytes: 0 } : framing, undefined)
}

const write = (exchange: HttpExchange, response: Response) => {
  if (exchange.head.method === "HEAD" || HttpServerResponse.omitsBody(response)) {
    return writeWithoutBody(exchange, response)
  }
  return Effect.flatMap(HttpBodyWriter.fromBody(response.body), (body) =>
    body._tag === "Bytes" ? writeBytes(exchange, response, body) : writeStream(exchange, response, body)
  )
}

/** Sends the response of a failure, or cuts off one that has begun, and fails with the cause. */
const recover = (
  exchange: HttpExchange,
  request: HttpServerRequest.HttpServerRequest,
  response: Response,
  cause: Cause.Cause<unknown>
) =>
  Effect.gen(function* () {
    if (exchange.isHeadSent) {
      exchange.isBroken = true
      const error = new HttpServerError.ResponseError({
        request,
        response,
        description: "the response was cut off",
        cause: Cause.squash(cause)
      })
      return yield* Effect.failCause(
        Cause.combine(cause, Cause.fail(new HttpServerError.HttpServerError({ reason: error })))
      )
    }
    const [answer, reported] = yield* HttpServerError.causeResponse(cause)
    const { status } = answer
    yield* Effect.ignore(write(exchange, HttpServerResponse.empty({ status: isFinal(status) ? status : 500 })))
    return yield* Effect.failCause(reported)
  })

/**
 * Sends a response. If the client has gone, the connection is closed, without a failure. A response that fails after
 * its head was sent is cut off, so that the client does not take a part for the whole.
 */
export const send = (
  request: HttpServerRequest.HttpServerRequest,
  response: Response
): Effect.Effect<unknown, HttpServerError.HttpServerError> => {
  const { source: exchange } = request as InteropServerRequest
  if (exchange.upgrade !== undefined) return Effect.succeed(exchange.upgrade)
  if (exchange.isHeadSent || exchange.isBroken) return Effect.void
  return Effect.suspend(() => write(exchange, response)).pipe(
    Effect.catchTag("NetworkError", () =>
      Effect.sync(() => {
        exchange.isBroken = true
      })
    ),
    Effect.catchCause(
      (cause) => recover(exchange, request, response, cause) as Effect.Effect<unknown, HttpServerError.HttpServerError>
    )
  )
}
