/** An HTTP server on this host, for fallbacks, that answers as a test says, and records the requests. */
import * as Http from "node:http"
import type * as Net from "node:net"
import * as Effect from "effect/Effect"

/** An answer to a request. */
export type Answer = (response: Http.ServerResponse, request: Http.IncomingMessage) => void

/** Sends a text with its size and these headers. */
export const text =
  (content: string, headers: Http.OutgoingHttpHeaders = {}): Answer =>
  (response) =>
    response.writeHead(200, { "content-length": Buffer.byteLength(content), ...headers }).end(content)

/** Sends a text in chunks, without its size. */
export const chunks =
  (content: string): Answer =>
  (response) => {
    response.write(content)
    response.end()
  }

/** Sends a status without a body. */
export const status =
  (code: number, headers: Http.OutgoingHttpHeaders = {}): Answer =>
  (response) =>
    response.writeHead(code, { "content-length": 0, ...headers }).end()

/** Starts a server with an answer for each path; others are 404. It closes with the scope. */
export const serve = Effect.fnUntraced(function* (answers: Record<string, Answer>) {
  const requests: Array<string> = []
  const arrivals = new Set<() => void>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<Http.Server>((resume) => {
      const server = Http.createServer((request, response) => {
        const path = request.url!
        requests.push(path)
        const answer = answers[path] ?? status(404)
        answer(response, request)
        for (const resume of arrivals) resume()
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as Net.AddressInfo
  return {
    answers,
    requests,
    port,
    url: `http://127.0.0.1:${port}/boot/`,
    close: Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    }),
    /** Waits until this number of requests has arrived. */
    arrived: (count: number) =>
      Effect.callback<void>((resume) => {
        const check = () => {
          if (requests.length >= count) resume(Effect.void)
        }
        arrivals.add(check)
        check()
        return Effect.sync(() => void arrivals.delete(check))
      })
  }
})
