/**
 * An `HttpClient` over node:http for a fallback. It follows no redirects, uses a connection for each request, and fails
 * a response whose body is followed by more bytes than announced: node:http reports these on the request only, which
 * other clients do not read any more.
 */
import * as Http from "node:http"
import * as Https from "node:https"
import { Readable } from "node:stream"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"

type Request = HttpClientRequest.HttpClientRequest

const tooMuch = () => new Error("the server sent more bytes than announced")

/** Statuses whose responses have no body. */
const emptyStatuses = new Set([204, 205, 304])

/** Returns true for a status that a `Response` can have. Servers may send any three digits. */
const isValidStatus = (status: number) => status >= 200 && status <= 599

const toResponse = (request: Request, incoming: Http.IncomingMessage) => {
  const status = incoming.statusCode!
  const isEmpty = emptyStatuses.has(status)
  if (isEmpty) incoming.resume()
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(incoming.headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  const body = isEmpty ? null : (Readable.toWeb(incoming) as ReadableStream)
  return HttpClientResponse.fromWeb(request, new Response(body, { status, headers }))
}

const send = (request: Request, url: URL, signal: AbortSignal) =>
  Effect.callback<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
    const { request: open } = url.protocol === "https:" ? Https : Http
    const outgoing = open(url, { method: request.method, headers: request.headers, agent: false, signal })
    const fail = (cause: Error) =>
      resume(
        Effect.fail(
          new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
        )
      )
    outgoing.on("error", fail)
    outgoing.on("response", (incoming) => {
      const status = incoming.statusCode!
      if (!isValidStatus(status)) {
        incoming.destroy()
        return fail(new Error(`the server replied with status ${status}`))
      }
      outgoing.on("error", (cause) => incoming.destroy(incoming.complete ? tooMuch() : cause))
      resume(Effect.succeed(toResponse(request, incoming)))
    })
    outgoing.end()
    return Effect.sync(() => outgoing.destroy())
  })

/** The client: it sends requests without a body. @category layers @since 0.1.0 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.sync(HttpClient.HttpClient, () => HttpClient.make(send))
