/** Response of a client over `Network`, as effect's `HttpClientResponse`. */
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as Multipart from "effect/http/Multipart"
import * as Inspectable from "effect/Inspectable"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Pipeable from "effect/Pipeable"
import * as Stream from "effect/Stream"
import type * as Socket from "effect/socket/Socket"
import * as HttpBodyReader from "../message/HttpBodyReader.ts"
import * as HttpHead from "../message/HttpHead.ts"

/** Parts of a response. */
export interface Options {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly head: HttpHead.ResponseHead
  readonly remote: NetAddress.SocketAddress
  readonly pull: HttpBodyReader.PullBody<unknown>
  /** Connection after `101`. */
  readonly upgraded: Socket.Socket | undefined
}

const bodyless = new Set([204, 205, 304])

/** A response with its connection. */
export class InteropClientResponse
  extends Inspectable.Class
  implements HttpClientResponse.HttpClientResponse, Pipeable.Pipeable
{
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly remoteAddress: Option.Option<string>
  readonly #options: Options
  readonly #forms: HttpBodyReader.BodyForms<HttpClientError.HttpClientError>

  constructor(options: Options) {
    super()
    this.#options = options
    const { head, pull, remote, request, url } = options
    this.request = request
    this.url = url
    this.status = head.status
    this.headers = Headers.fromRecordUnsafe(HttpHead.toRecord(head.fields))
    this.remoteAddress = NetAddress.isInetAddress(remote) ? Option.some(NetAddress.formatHost(remote)) : Option.none()
    const fail = (cause: unknown) =>
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.DecodeError({ request, response: this, cause })
      })
    this.#forms = HttpBodyReader.formsOf(
      Effect.mapError(pull, (error) => (HttpBodyReader.isDone(error) ? error : fail(error))),
      fail
    )
  }

  /** Body as a stream. A response that never has a body fails with `EmptyBodyError`, as with `fetch`. */
  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    if (this.request.method !== "HEAD" && !bodyless.has(this.status)) return this.#forms.stream
    const description = "can not create stream from empty body"
    const reason = new HttpClientError.EmptyBodyError({ request: this.request, response: this, description })
    return Stream.fail(new HttpClientError.HttpClientError({ reason }))
  }
  get arrayBuffer() {
    return this.#forms.arrayBuffer
  }
  get text() {
    return this.#forms.text
  }
  get json() {
    return this.#forms.json
  }
  get urlParamsBody() {
    return this.#forms.urlParamsBody
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(HttpHead.valuesOf(this.#options.head.fields, "set-cookie"))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    const form = new FormData()
    const decode = (cause: unknown) =>
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.DecodeError({ request: this.request, response: this, cause })
      })
    if (this.headers["content-type"]?.toLowerCase().startsWith("multipart/form-data") !== true) {
      return Effect.map(this.urlParamsBody, (params) => {
        for (const [name, value] of params) form.append(name, value)
        return form
      })
    }
    const parts = Stream.pipeThroughChannel(this.#forms.stream, Multipart.makeChannel(this.headers))
    return Stream.runForEach(parts, (part) =>
      part._tag === "Field"
        ? Effect.sync(() => form.append(part.key, part.value))
        : Effect.map(part.contentEffect, (bytes) =>
            form.append(part.key, new File([bytes.slice()], part.name, { type: part.contentType }))
          )
    ).pipe(
      Effect.as(form),
      Effect.mapError((error) => (HttpClientError.isHttpClientError(error) ? error : decode(error)))
    )
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    const { upgraded } = this.#options
    if (upgraded !== undefined) return Effect.succeed(upgraded)
    const description = `the server did not change the protocol (status ${this.status})`
    const reason = new HttpClientError.StatusCodeError({ request: this.request, response: this, description })
    return Effect.fail(new HttpClientError.HttpClientError({ reason }))
  }

  toJSON(): unknown {
    const request = this.request.toJSON()
    return HttpIncomingMessage.inspect(this, { _id: "HttpClientResponse", request, status: this.status })
  }

  readonly pipe: Pipeable.Pipeable["pipe"] = Pipeable.Prototype.pipe
}
