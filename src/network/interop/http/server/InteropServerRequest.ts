/** Request of a server over `Network`, as effect's `HttpServerRequest`. */
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Multipart from "effect/http/Multipart"
import * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as HttpBodyReader from "../message/HttpBodyReader.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as ServerUpgrade from "./ServerUpgrade.ts"

/** Members that `modify` replaces. */
type Changes = Parameters<HttpServerRequest.HttpServerRequest["modify"]>[0]

type MultipartForm = HttpServerRequest.HttpServerRequest["multipart"]

/** Target in absolute form as the URL of its origin and path; its authority takes precedence over `Host`. */
const absoluteTarget = (target: string): URL | undefined => {
  if (!/^https?:\/\//i.test(target)) return undefined
  try {
    return new URL(target)
  } catch {
    return undefined
  }
}

const isTooLarge = (cause: unknown) =>
  cause instanceof HttpBodyReader.BodyTooLarge ||
  (typeof cause === "object" && cause !== null && "reason" in cause && cause.reason === "BodyTooLarge")

/** Forms of the body, shared by a request and its modified copies. */
interface BodyState {
  readonly forms: HttpBodyReader.BodyForms<HttpServerError.HttpServerError>
  multipart: MultipartForm | undefined
}

/** A request with its exchange. */
export class InteropServerRequest extends Inspectable.Class implements HttpServerRequest.HttpServerRequest {
  readonly [HttpServerRequest.TypeId]: typeof HttpServerRequest.TypeId = HttpServerRequest.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly source: HttpExchange.HttpExchange
  readonly url: string
  readonly headers: Headers.Headers
  readonly remoteAddress: Option.Option<string>
  readonly peerAddress: Option.Option<string>
  readonly protocol: "http" | "https" | undefined
  readonly #body: BodyState
  #cookies: HttpServerRequest.HttpServerRequest["cookies"] | undefined

  constructor(source: HttpExchange.HttpExchange, changes: Changes = {}, body?: BodyState) {
    super()
    this.source = source
    const { fields, target } = source.head
    const absolute = absoluteTarget(target)
    const { connection } = source
    this.url = changes.url ?? (absolute === undefined ? target : absolute.pathname + absolute.search)
    const headers = changes.headers ?? HttpExchange.headersOf(fields)
    this.headers =
      absolute === undefined || changes.headers !== undefined ? headers : Headers.set(headers, "host", absolute.host)
    this.remoteAddress =
      changes.remoteAddress ??
      (NetAddress.isInetAddress(connection.remote)
        ? Option.some(NetAddress.formatHost(connection.remote))
        : Option.none())
    this.peerAddress = changes.peerAddress ?? this.remoteAddress
    this.protocol = changes.protocol
    this.#body = body ?? {
      forms: HttpBodyReader.formsOf(
        Effect.mapError(HttpExchange.pullBody(source), (error) =>
          error._tag === "Done" ? error : this.#parseError(error)
        ),
        (cause) => (cause instanceof HttpServerError.HttpServerError ? cause : this.#parseError(cause))
      ),
      multipart: undefined
    }
  }

  #parseError(cause: unknown): HttpServerError.HttpServerError {
    const reason = isTooLarge(cause) ? "BodyTooLarge" : "Parse"
    return new HttpServerError.HttpServerError({
      reason: new HttpServerError.RequestParseError({ request: this, reason, cause })
    })
  }

  get method(): string {
    return this.source.head.method
  }

  get originalUrl(): string {
    const { target } = this.source.head
    const { host } = this.headers
    return target.startsWith("/") && host !== undefined ? `http://${host}${target}` : target
  }

  get cookies(): HttpServerRequest.HttpServerRequest["cookies"] {
    this.#cookies ??= Cookies.parseHeader(this.headers.cookie ?? "")
    return this.#cookies
  }

  get stream() {
    return this.#body.forms.stream
  }
  get arrayBuffer() {
    return this.#body.forms.arrayBuffer
  }
  get text() {
    return this.#body.forms.text
  }
  get json() {
    return this.#body.forms.json
  }
  get urlParamsBody() {
    return this.#body.forms.urlParamsBody
  }

  get multipart(): MultipartForm {
    this.#body.multipart ??= Effect.runSync(Effect.cached(Multipart.toPersisted(this.multipartStream)))
    return this.#body.multipart
  }

  get multipartStream(): Stream.Stream<Multipart.Part, Multipart.MultipartError> {
    const bytes = Stream.mapError(this.stream, (error) => Multipart.MultipartError.fromReason("InternalError", error))
    return Stream.pipeThroughChannel(bytes, Multipart.makeChannel(this.headers))
  }

  get upgrade(): HttpServerRequest.HttpServerRequest["upgrade"] {
    return this.upgradeWith({})
  }

  upgradeWith(options: {
    readonly headers?: Headers.Input | undefined
  }): HttpServerRequest.HttpServerRequest["upgrade"] {
    return ServerUpgrade.upgrade(
      this.source,
      Headers.fromInput(options.headers),
      (description) =>
        new HttpServerError.HttpServerError({
          reason: new HttpServerError.RequestParseError({ request: this, description })
        })
    )
  }

  modify(changes: Changes): InteropServerRequest {
    const { headers, peerAddress, protocol, remoteAddress, url } = this
    const all = {
      url,
      headers,
      peerAddress,
      remoteAddress,
      ...(protocol === undefined ? {} : { protocol }),
      ...changes
    }
    return new InteropServerRequest(this.source, all, this.#body)
  }

  override toString(): string {
    return `InteropServerRequest(${this.method} ${UrlParams.redactUrl(this.url)})`
  }

  toJSON(): unknown {
    const url = UrlParams.redactUrl(this.originalUrl)
    return HttpIncomingMessage.inspect(this, { _id: "HttpServerRequest", method: this.method, url })
  }
}
