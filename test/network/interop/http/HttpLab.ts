/** Servers and clients of HTTP, for tests: over real sockets of this host, and in a simulated run. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpServer from "effect/http/HttpServer"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as InteropHttpClient from "../../../../src/network/interop/http/InteropHttpClient.ts"
import * as InteropHttpServer from "../../../../src/network/interop/http/InteropHttpServer.ts"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import * as Handles from "../../../support/Handles.ts"
import * as Simulated from "../../../support/Simulated.ts"

export type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** Starts a server with an app; returns its port. */
export const serve = Effect.fnUntraced(function* (app: App, options: Partial<InteropHttpServer.Options> = {}) {
  const http = yield* InteropHttpServer.make({ port: 0, ...options } as InteropHttpServer.Options)
  yield* http.serve(app)
  assert.isTrue(NetAddress.isInetAddress(http.address))
  return (http.address as NetAddress.InetAddress).port
})

type Services = Network.Network | Dns.Dns | HttpClient.HttpClient | Scope.Scope

/** Registers a test over real sockets, which must close all of them. */
export const live = <E>(name: string, body: () => Effect.Effect<void, E, Services>) =>
  it.live(name, () =>
    Handles.assertNoLeaks(
      Effect.suspend(body).pipe(
        Effect.provide(InteropHttpClient.layer),
        Effect.scoped,
        Effect.timeout("30 seconds"),
        Effect.provide(NodeServices.layer)
      )
    )
  )

/** Registers a test of one server and one client in a simulated run. Both end with the test of the client. */
export const simulated = <E>(
  name: string,
  options: {
    readonly app: App
    readonly plan?: string
    readonly server?: Partial<InteropHttpServer.Options>
    readonly client?: InteropHttpClient.Options
  },
  body: (url: string) => Effect.Effect<void, E, Services>
) =>
  it.effect(name, () =>
    Simulated.run(
      ({ host }) =>
        Effect.gen(function* () {
          const server = yield* host("server")
          yield* server.start(serve(options.app, { host: "0.0.0.0", port: 80, ...options.server }))
          const client = yield* host("client")
          const program = Effect.provide(body("http://server"), InteropHttpClient.layerWith(options.client ?? {}))
          yield* client.run(program)
        }) as Effect.Effect<void, E>,
      options.plan
    )
  )

/** Sends bytes on a connection of their own, and returns all that is answered until the server closes. */
export const exchange = Effect.fnUntraced(function* (port: number, text: string, host = "127.0.0.1") {
  const network = yield* Network.Network
  const connection = yield* network.connect(NetAddress.inetAddressUnsafe(NetAddress.ipFromStringUnsafe(host), port))
  yield* connection.write(Uint8Array.from(Buffer.from(text, "latin1")))
  return yield* readToEnd(connection)
})

/** Reads a connection to its end as text, without the fields `date`. */
export const readToEnd = Effect.fnUntraced(function* (connection: Pick<Network.Connection, "pull">) {
  let text = ""
  yield* Effect.ignore(
    Effect.forever(
      Effect.map(connection.pull, (bytes) => {
        text += Buffer.from(bytes).toString("latin1")
      })
    )
  )
  return text.replace(/date: [^\r]*\r\n/g, "")
})

/** Listens as a server that answers each connection with the given texts, one for each request that arrives. */
export const scripted = Effect.fnUntraced(function* (answers: ReadonlyArray<string>) {
  const network = yield* Network.Network
  const listener = yield* network.listen({ port: 0 })
  const requests: Array<string> = []
  const serveOne = Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* listener.accept
      for (const answer of answers) {
        requests.push(Buffer.from(yield* connection.pull).toString("latin1"))
        yield* connection.write(answer)
      }
      yield* connection.end
      yield* readToEnd(connection)
    })
  )
  yield* Effect.forkScoped(Effect.forever(Effect.ignore(serveOne)))
  return { requests, url: HttpServer.formatAddress(listener.address) }
})
