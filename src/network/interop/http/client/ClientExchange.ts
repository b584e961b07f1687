/** A request of a client and its response, on a connection of the pool. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { NetworkError } from "../../../Network.ts"
import * as Signal from "../../../Signal.ts"
import type { PullBody } from "../message/HttpBodyReader.ts"
import type { OutgoingBody } from "../message/HttpBodyWriter.ts"
import * as HttpDecoder from "../message/HttpDecoder.ts"
import * as HttpEncoder from "../message/HttpEncoder.ts"
import type * as HttpHead from "../message/HttpHead.ts"
import type { HttpSyntaxError } from "../message/HttpSyntaxError.ts"
import * as ClientPool from "./ClientPool.ts"

/** Request as it is sent. */
export interface OutgoingRequest {
  readonly method: string
  readonly target: string
  readonly fields: HttpHead.Fields
  readonly body: OutgoingBody
  readonly isChunked: boolean
  /** The body waits for `100 Continue`. */
  readonly expectsContinue: boolean
}

/** Failure of the stream that is the body of a request. */
export class UploadError extends Data.TaggedError("UploadError")<{ readonly cause: unknown }> {
  override get message(): string {
    return "the stream of the request's body failed"
  }
}

/** Failure of a request. */
export type Failure = NetworkError | HttpSyntaxError | UploadError

/** Body of a response, with what was read ahead. */
interface ResponseBody {
  readonly chunks: Array<Uint8Array>
  bytes: number
  /** Result of reads after the last chunk. */
  end: PullBody<NetworkError | HttpSyntaxError> | undefined
  readonly arrival: Signal.Signal
  readonly room: Signal.Signal
}

/** A request on a connection. */
export interface ClientExchange {
  readonly pool: ClientPool.ClientPool
  readonly pooled: ClientPool.PooledConnection
  readonly request: OutgoingRequest
  readonly body: ResponseBody
  readonly continued: Deferred.Deferred<void>
  upload: Fiber.Fiber<void, UploadError> | undefined
  /** True if a further request may use the connection. */
  keepAlive: boolean
  /** True once the connection belongs to the pool again or is closed. */
  isOver: boolean
  onOver: () => void
}

/** Bytes of a body that are read ahead, and those that are sent without a fiber of their own. */
const maxAheadBytes = 65_536

/** Time after which a body is sent without `100 Continue` (RFC 9110, section 10.1.1). */
const continueTimeoutMillis = 1_000

/** Creates the state of a request. */
export const make = (
  pool: ClientPool.ClientPool,
  pooled: ClientPool.PooledConnection,
  request: OutgoingRequest
): ClientExchange => ({
  ...{ pool, pooled, request, upload: undefined, keepAlive: true, isOver: false, onOver: () => {} },
  body: { chunks: [], bytes: 0, end: undefined, arrival: Signal.make(), room: Signal.make() },
  continued: Deferred.makeUnsafe()
})

/** Ways to give the connection of a request up. */
type Ending = "Keep" | "Close" | "Reset"

/** Gives the connection up. One with an unfinished upload is not kept. */
const finish = (exchange: ClientExchange, ending: Ending): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (exchange.isOver) return Effect.void
    exchange.isOver = true
    exchange.onOver()
    const { pool, pooled, upload } = exchange
    const isUploaded = upload === undefined || upload.pollUnsafe() !== undefined
    if (ending === "Keep" && isUploaded) return ClientPool.release(pool, pooled)
    upload?.interruptUnsafe()
    return Effect.andThen(ending === "Reset" ? pooled.connection.abort : Effect.void, ClientPool.discard(pooled))
  })

/** Resets the connection, at an interruption or a failure. */
export const abort = (exchange: ClientExchange): Effect.Effect<void> => finish(exchange, "Reset")

/** Closes the connection. */
export const close = (exchange: ClientExchange): Effect.Effect<void> => finish(exchange, "Close")

const sendStream = (
  { pooled: { connection }, request: { isChunked } }: ClientExchange,
  stream: Stream.Stream<Uint8Array, unknown>
): Effect.Effect<void, NetworkError | UploadError> =>
  Stream.mapError(stream, (cause) => new UploadError({ cause })).pipe(
    Stream.runForEach(
      (bytes): Effect.Effect<void, NetworkError> =>
        bytes.length === 0 ? Effect.void : connection.write(isChunked ? HttpEncoder.chunk(bytes) : bytes.slice())
    ),
    Effect.andThen(Effect.suspend(() => (isChunked ? connection.write(HttpEncoder.lastChunk()) : Effect.void)))
  )

/** Sends the body, if need be once the server asks for it. */
const upload = (exchange: ClientExchange): Effect.Effect<void, UploadError> => {
  const {
    continued,
    pooled: { connection },
    request: { body, expectsContinue }
  } = exchange
  const allowed: Effect.Effect<unknown> = expectsContinue
    ? Effect.timeoutOption(Deferred.await(continued), continueTimeoutMillis)
    : Effect.void
  const sending: Effect.Effect<void, NetworkError | UploadError> =
    body._tag === "Bytes"
      ? Effect.suspend(() => connection.write(body.bytes.slice()))
      : sendStream(exchange, body.stream)
  return Effect.catch(
    Effect.flatMap(allowed, () => sending),
    (error): Effect.Effect<void, UploadError> => (error._tag === "NetworkError" ? Effect.void : Effect.fail(error))
  )
}

/**
 * Sends the request. It does not fail with the connection: the server may have answered before, and the wait for the
 * response fails otherwise.
 */
export const send = (exchange: ClientExchange) =>
  Effect.gen(function* () {
    const { pooled, pool, request } = exchange
    const { body, expectsContinue, fields, method, target } = request
    const { connection } = pooled
    pooled.reader.decoder.method = method
    const head = HttpEncoder.requestHead(method, target, fields)
    if (body._tag === "Bytes" && !expectsContinue && body.bytes.length <= maxAheadBytes) {
      return yield* connection.write(HttpEncoder.join(head, body.bytes))
    }
    yield* connection.write(head)
    exchange.upload = yield* Effect.forkIn(upload(exchange), pool.scope, { startImmediately: true })
  }).pipe(Effect.catchTag("NetworkError", () => Effect.void))

/** Waits for the final response. Interim ones are skipped; a change of the protocol is final. */
const readHead = (exchange: ClientExchange): Effect.Effect<HttpHead.ResponseHead, NetworkError | HttpSyntaxError> =>
  Effect.flatMap(exchange.pooled.reader.next, (event) => {
    if (event._tag === "Closed") {
      const { remote } = exchange.pooled.connection
      const text = "the server closed the connection before its response"
      return Effect.fail(new NetworkError({ reason: "Closed", address: remote, text }))
    }
    if (event._tag !== "Head") return readHead(exchange)
    const head = event.head as HttpHead.ResponseHead
    if (head.status >= 200 || head.status === 101) return Effect.succeed(head)
    if (head.status === 100) Deferred.doneUnsafe(exchange.continued, Exit.void)
    return readHead(exchange)
  })

/** Waits for the head of the response, or the failure of the request's stream. */
export const awaitHead = (exchange: ClientExchange): Effect.Effect<HttpHead.ResponseHead, Failure> => {
  const { upload } = exchange
  const head = readHead(exchange)
  const isStream = exchange.request.body._tag === "Stream"
  return upload === undefined || !isStream
    ? head
    : Effect.raceFirst(head, Effect.andThen(Fiber.join(upload), Effect.never))
}

/** Handles an event of the response's body. True after its end. */
const addEvent = ({ body }: ClientExchange, event: HttpDecoder.Event): boolean => {
  if (event._tag === "Body") {
    body.chunks.push(event.bytes)
    body.bytes += event.bytes.length
  } else {
    body.end = event._tag === "Refused" ? Effect.fail(event.error) : Cause.done()
  }
  body.arrival.notify()
  return body.end !== undefined
}

/** Reads the body ahead of its reader, so that a short one needs no reader to free the connection. */
const collect = (exchange: ClientExchange): Effect.Effect<void> => {
  const { body, keepAlive, pooled } = exchange
  const ending = keepAlive ? "Keep" : "Close"
  const step: Effect.Effect<void, NetworkError | HttpSyntaxError> = Effect.suspend(() => {
    if (body.bytes >= maxAheadBytes) return Effect.flatMap(body.room.wait, () => step)
    return Effect.flatMap(pooled.reader.next, (event) => (addEvent(exchange, event) ? finish(exchange, ending) : step))
  })
  return Effect.catch(step, (error) => {
    body.end = Effect.fail(error)
    body.arrival.notify()
    return abort(exchange)
  })
}

/** Starts to read the body: at once what has arrived, the rest in the background. */
export const startBody = (exchange: ClientExchange): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { body, keepAlive, pool, pooled } = exchange
    while (body.bytes < maxAheadBytes) {
      const event = HttpDecoder.next(pooled.reader.decoder)
      if (event === undefined) break
      if (addEvent(exchange, event))
        return finish(exchange, event._tag === "Refused" ? "Reset" : keepAlive ? "Keep" : "Close")
    }
    return Effect.asVoid(Effect.forkIn(collect(exchange), pool.scope))
  })

/** Reads the next part of the response's body. */
export const pullBody = ({ body }: ClientExchange): PullBody<NetworkError | HttpSyntaxError> => {
  const pull: PullBody<NetworkError | HttpSyntaxError> = Effect.suspend(() => {
    const chunk = body.chunks.shift()
    if (chunk === undefined) return body.end ?? Effect.flatMap(body.arrival.wait, () => pull)
    body.bytes -= chunk.length
    body.room.notify()
    return Effect.succeed(chunk)
  })
  return pull
}
