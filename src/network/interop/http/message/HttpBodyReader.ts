/** Readers of the body of one message: as a stream, whole, and the conversions that requests and responses share. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import type * as Pull from "effect/Pull"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** Body as its owner reads it: `Done` after its last bytes. */
export type PullBody<E> = Pull.Pull<Uint8Array, E>

/** Tests for the end of a body. */
export const isDone = (error: unknown): error is Cause.Done => Cause.isDone(error)

/** Body is larger than `MaxBodySize`. */
export class BodyTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`the body is too large (over ${maxBytes} bytes); raise MaxBodySize or read it as a stream`)
  }
}

/** Forms of a body. The whole body is read once, and kept. */
export interface BodyForms<E> {
  readonly stream: Stream.Stream<Uint8Array, E>
  readonly arrayBuffer: Effect.Effect<ArrayBuffer, E>
  readonly text: Effect.Effect<string, E>
  readonly json: Effect.Effect<Schema.Json, E>
  readonly urlParamsBody: Effect.Effect<UrlParams.UrlParams, E>
}

const decoder = new TextDecoder()
/** Decoder of forms, which keep a leading U+FEFF. */
const formDecoder = new TextDecoder("utf-8", { ignoreBOM: true })

const join = (chunks: ReadonlyArray<Uint8Array>, size: number): ArrayBuffer => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes.buffer
}

const readAll = <E>(pull: PullBody<E>, onError: (cause: unknown) => E): Effect.Effect<ArrayBuffer, E> =>
  Effect.withFiber((fiber) => {
    const limit = fiber.getRef(HttpIncomingMessage.MaxBodySize)
    const maxBytes = limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
    const chunks: Array<Uint8Array> = []
    let size = 0
    const take: Effect.Effect<ArrayBuffer, E> = Effect.matchEffect(pull, {
      onSuccess: (bytes) => {
        size += bytes.length
        chunks.push(bytes)
        return size > maxBytes ? Effect.fail(onError(new BodyTooLarge(maxBytes))) : take
      },
      onFailure: (error) => (Cause.isDone(error) ? Effect.succeed(join(chunks, size)) : Effect.fail(error as E))
    })
    return take
  })

/** Returns the forms of a body. `onError` makes the error of a body that cannot be read or decoded. */
export const formsOf = <E>(pull: PullBody<E>, onError: (cause: unknown) => E): BodyForms<E> => {
  const arrayBuffer = Effect.runSync(Effect.cached(readAll(pull, onError)))
  const text = Effect.map(arrayBuffer, (bytes) => decoder.decode(bytes))
  return {
    stream: Stream.fromPull(Effect.succeed(Effect.map(pull, Arr.of))),
    arrayBuffer: Effect.map(arrayBuffer, (bytes) => bytes.slice(0)),
    text,
    json: Effect.flatMap(text, (json) =>
      Effect.try({ try: () => (json === "" ? null : (JSON.parse(json) as Schema.Json)), catch: onError })
    ),
    urlParamsBody: Effect.flatMap(arrayBuffer, (bytes) =>
      Effect.try({
        // A leading "?" belongs to the form; `URLSearchParams` would drop it.
        try: () => UrlParams.fromInput(new URLSearchParams(formDecoder.decode(bytes).replace(/^\?/, "%3F"))),
        catch: onError
      })
    )
  }
}
