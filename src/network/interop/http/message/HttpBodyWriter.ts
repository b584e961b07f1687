/** Bodies of effect/http as bytes to send: known ones at once, others as a stream. */
import * as Effect from "effect/Effect"
import type * as HttpBody from "effect/http/HttpBody"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

/** Body to send. */
export type OutgoingBody =
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array; readonly contentType?: string | undefined }
  | {
      readonly _tag: "Stream"
      readonly stream: Stream.Stream<Uint8Array, unknown>
      /** Size, if it is known before. */
      readonly length: number | undefined
      readonly contentType?: string | undefined
    }

const encoder = new TextEncoder()

const empty: OutgoingBody = { _tag: "Bytes", bytes: new Uint8Array(0) }

const bytesOf = (bytes: Uint8Array): OutgoingBody => ({ _tag: "Bytes", bytes })

const fromReadable = (readable: ReadableStream<Uint8Array> | null, length?: number): OutgoingBody =>
  readable === null
    ? empty
    : {
        _tag: "Stream",
        stream: Stream.fromReadableStream({ evaluate: () => readable, onError: (cause) => cause }),
        length
      }

/** Returns a raw body. A `Blob` or a stream of the platform waits for its promises, which a synchronous run cannot. */
const fromRaw = (body: unknown): OutgoingBody => {
  if (body === null || body === undefined) return empty
  if (typeof body === "string") return bytesOf(encoder.encode(body))
  if (body instanceof Uint8Array) return bytesOf(body)
  if (body instanceof ArrayBuffer) return bytesOf(new Uint8Array(body))
  if (ArrayBuffer.isView(body)) return bytesOf(new Uint8Array(body.buffer, body.byteOffset, body.byteLength))
  if (body instanceof URLSearchParams) return bytesOf(encoder.encode(body.toString()))
  if (body instanceof Blob) return fromReadable(body.stream(), body.size)
  if (body instanceof Response || body instanceof Request) return fromReadable(body.body)
  if (body instanceof ReadableStream) return fromReadable(body)
  const stream = Stream.fail(
    new TypeError(`body cannot be sent: unknown type (${typeof body}); use a text, bytes or a stream`)
  )
  return { _tag: "Stream", stream, length: undefined }
}

/** Escapes a name as browsers do in `multipart/form-data`. */
const quote = (name: string) => name.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22")

/** Encodes a form as `multipart/form-data` (RFC 7578). Its boundary is random, from the `Random` service. */
const fromForm = (form: FormData): Effect.Effect<OutgoingBody> =>
  Effect.map(Random.nextIntBetween(0, 2 ** 48), (number) => {
    const boundary = `----effect-inet-${number.toString(36)}`
    const parts: Array<Stream.Stream<Uint8Array, unknown>> = []
    let text = ""
    for (const [name, value] of form) {
      text += `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"`
      if (typeof value === "string") {
        text += `\r\n\r\n${value.replace(/\r\n|\r|\n/g, "\r\n")}\r\n`
        continue
      }
      const type = value.type === "" ? "application/octet-stream" : value.type
      text += `; filename="${quote(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`
      parts.push(Stream.succeed(encoder.encode(text)), blobStream(value))
      text = "\r\n"
    }
    const last = encoder.encode(`${text}--${boundary}--\r\n`)
    const contentType = `multipart/form-data; boundary=${boundary}`
    if (parts.length === 0) return { _tag: "Bytes", bytes: last, contentType }
    const stream = Stream.flatten(Stream.fromIterable([...parts, Stream.succeed(last)]))
    return { _tag: "Stream", stream, length: undefined, contentType }
  })

const blobStream = (blob: Blob) =>
  Stream.fromEffect(
    Effect.map(
      Effect.tryPromise(() => blob.arrayBuffer()),
      (bytes) => new Uint8Array(bytes)
    )
  )

/** Returns the bytes or the stream of a body. */
export const fromBody = (body: HttpBody.HttpBody): Effect.Effect<OutgoingBody> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(empty)
    case "Uint8Array":
      return Effect.succeed(bytesOf(body.body))
    case "Raw":
      return Effect.sync(() => fromRaw(body.body))
    case "FormData":
      return fromForm(body.formData)
    case "Stream":
      return Effect.succeed({ _tag: "Stream", stream: body.stream, length: body.contentLength })
  }
}
