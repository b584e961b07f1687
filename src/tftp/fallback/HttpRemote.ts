/** The files of an HTTP server, requested by the `HttpClient` of effect. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SystemErrorText from "../../network/SystemErrorText.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import { NotFound, type Reason } from "../store/FileStoreError.ts"
import * as FallbackUrl from "./FallbackUrl.ts"
import type * as Remote from "./Remote.ts"
import * as RemoteBody from "./RemoteBody.ts"

type Response = HttpClientResponse.HttpClientResponse

/** The most redirects that are followed for one file. */
const maxRedirects = 5

const redirectStatuses = new Set([301, 302, 303, 307, 308])

/** Errors of connections whose message from Node is not a sentence. */
const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the server closed the connection before the end",
  EAI_AGAIN: "the name of the host cannot be resolved now",
  EHOSTUNREACH: "no route to the host",
  ENOTFOUND: "the host does not exist",
  ETIMEDOUT: "the host does not respond"
}

/** Returns why a request failed. Several addresses of a host give several errors: the first one is returned. */
const causeText = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) return causeText(error.errors[0])
  const { cause, code } = error as { readonly cause?: unknown; readonly code?: unknown }
  const text = typeof code === "string" ? texts[code] : undefined
  if (text !== undefined) return text
  if (typeof code === "string" && code.startsWith("HPE_")) return "the reply is not HTTP"
  return cause instanceof Error ? causeText(cause) : SystemErrorText.format(error)
}

const headersOf = ({ authorization }: FallbackUrl.HttpFolder, known: Remote.Validators | undefined) => ({
  "accept-encoding": "identity",
  ...(authorization === undefined ? {} : { authorization: Redacted.value(authorization) }),
  ...(known?.etag === undefined ? {} : { "if-none-match": known.etag }),
  ...(known?.lastModified === undefined ? {} : { "if-modified-since": known.lastModified })
})

/** Returns the directives of `cache-control`, in lower case (RFC 9111, section 5.2). */
const directivesOf = ({ headers }: Response) =>
  new Set((headers["cache-control"] ?? "").split(",").map((one) => one.trim().toLowerCase().replace(/=.*/s, "")))

const sizeOf = ({ headers }: Response): number | undefined => {
  const text = headers["content-length"]
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

const hasChunks = ({ headers }: Response) => /\bchunked\s*$/i.test(headers["transfer-encoding"] ?? "")

const statusOf = ({ status }: Response) => `the server replied with status ${status}`

/** Reads the file of a reply with status 200. */
const fileOf = Effect.fnUntraced(function* (
  response: Response,
  url: string,
  limits: Remote.Limits
): Effect.fn.Return<Remote.RemoteFile, Reason> {
  const encoding = response.headers["content-encoding"] ?? "identity"
  if (encoding.toLowerCase() !== "identity") {
    const why = `the server sent the file in the encoding ${TerminalText.escape(encoding)}; serve it as it is`
    return yield* Effect.fail(RemoteBody.failure(url, why))
  }
  const size = sizeOf(response)
  yield* RemoteBody.checkSize(url, size, limits)
  const directives = directivesOf(response)
  const body = Stream.mapError(response.stream, (error) => RemoteBody.failure(url, causeText(error)))
  return {
    _tag: "File",
    size,
    validators: { etag: response.headers.etag, lastModified: response.headers["last-modified"] },
    mayStore: !directives.has("no-store") && !directives.has("no-cache") && (size !== undefined || hasChunks(response)),
    mustRevalidate: directives.has("must-revalidate"),
    stream: RemoteBody.limit(body, url, size, limits)
  }
})

/** The statuses of a missing file. */
const missingStatuses = new Set([404, 410])

const replyOf = (
  response: Response,
  url: string,
  isKnown: boolean,
  limits: Remote.Limits
): Effect.Effect<Remote.Reply, Reason> => {
  const { status } = response
  if (status === 200) return fileOf(response, url, limits)
  if (status === 304 && isKnown) return Effect.succeed({ _tag: "NotModified" })
  return Effect.fail(missingStatuses.has(status) ? new NotFound() : RemoteBody.failure(url, statusOf(response)))
}

/** Makes a remote for a folder of an HTTP server. Redirects are followed inside of the folder. */
export const make = Effect.fnUntraced(function* (
  folder: FallbackUrl.HttpFolder,
  limits: Remote.Limits
): Effect.fn.Return<Remote.Remote, never, HttpClient.HttpClient> {
  const client = HttpClient.withScope(yield* HttpClient.HttpClient)
  const request = (url: string, known: Remote.Validators | undefined) =>
    client.get(url, { headers: headersOf(folder, known) }).pipe(
      Effect.mapError((error) => RemoteBody.failure(url, causeText(error))),
      Effect.timeoutOrElse({
        duration: limits.connectTimeout,
        orElse: () => Effect.fail(RemoteBody.noReply(url, limits))
      })
    )

  const open = Effect.fnUntraced(function* (
    path: string,
    known: Remote.Validators | undefined
  ): Effect.fn.Return<Remote.Reply, Reason, Scope.Scope> {
    const scope = yield* Effect.scope
    let url = FallbackUrl.fileUrl(folder, path)
    for (let redirects = 0; ; redirects++) {
      const hop = yield* Scope.fork(scope)
      const response = yield* Scope.provide(request(url, known), hop)
      if (!redirectStatuses.has(response.status)) return yield* replyOf(response, url, known !== undefined, limits)
      const { location } = response.headers
      if (location === undefined) return yield* Effect.fail(RemoteBody.failure(url, statusOf(response)))
      const target = FallbackUrl.redirect(folder, url, location)
      if (target === undefined) {
        const why = `redirected to ${TerminalText.escape(location)}, outside of ${folder.href}; serve the file below it`
        return yield* Effect.fail(RemoteBody.failure(url, why))
      }
      if (redirects === maxRedirects)
        return yield* Effect.fail(RemoteBody.failure(url, `more than ${maxRedirects} redirects`))
      yield* Scope.close(hop, Exit.void)
      url = target
    }
  })
  return { urlOf: (path) => FallbackUrl.fileUrl(folder, path), open }
})
