/**
 * The server of the page: its files over HTTP, and its requests over WebSockets of effect/rpc.
 *
 * It is for the host's own browsers: other sites in the same browser are kept out by `Host`, `Origin` and headers, but
 * every program that may connect may watch. Control needs a token. Listen on loopback only, with `NodePageServer`.
 *
 * **Example** (A page without assets)
 *
 * ```ts
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import * as Effect from "effect/Effect"
 * import * as HttpClient from "effect/http/HttpClient"
 * import * as Layer from "effect/Layer"
 * import { PageHub, PageServer } from "effect-inet/web"
 *
 * const program = Effect.gen(function* () {
 *   const hub = yield* PageHub.make
 *   const assets = { get: () => Effect.succeed(undefined) }
 *   yield* PageServer.serve({ hub, assets, version: "1.0.0" })
 *   const { headers, status } = yield* HttpClient.get("/")
 *   status // => 404
 *   headers["x-content-type-options"] // => "nosniff"
 * })
 *
 * // In an app: Layer.launch(NodePageServer.layer({ port: 8066, hub, assets, version }))
 * await Effect.runPromise(Effect.provide(Effect.scoped(program), NodeHttpServer.layerTest))
 * ```
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import * as TerminalText from "../network/TerminalText.ts"
import type { PageAssets } from "./assets/PageAssets.ts"
import type { GameSessions } from "./games/GameSessions.ts"
import * as PageHandlers from "./PageHandlers.ts"
import type { PageHub } from "./PageHub.ts"
import * as PageProtocol from "./PageProtocol.ts"
import * as PageResponse from "./PageResponse.ts"
import type { PageError } from "./PageRpc.ts"
import * as PageWire from "./PageWire.ts"
import type { PacketWatch } from "./packets/PacketWatch.ts"

/** Options of a server of the page. @category models @since 0.1.0 */
export interface Options {
  readonly hub: Pick<PageHub, "encodedUpdates">
  readonly assets: PageAssets
  /** Version of the program, as the page shows it. */
  readonly version: string
  /** Token that allows a browser to play and to restart. Default: none, so that browsers only watch. */
  readonly token?: Redacted.Redacted | undefined
  /** True for a process that cannot take control, so that the page does not advise it. Default false. */
  readonly isReadOnly?: boolean | undefined
  /** Packets of the services. Default: none can be watched. */
  readonly packets?: Pick<PacketWatch, "watch"> | undefined
  /** Games of the services. Default: none can be played. */
  readonly games?: Pick<GameSessions, "board" | "play" | "say"> | undefined
  /** Restarts a service. Default: none can be restarted. */
  readonly restart?: ((service: string) => Effect.Effect<void, PageError>) | undefined
  /** Names of this server in `Host` and `Origin`, besides IP literals and `localhost`. Default: none. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** Maximum number of connected browsers; another one gets 503. Default 64. */
  readonly maxBrowsers?: number | undefined
  /** Maximum number of open requests of a browser; another one fails. Default 16. */
  readonly maxRequests?: number | undefined
  /** Maximum number of messages of a browser in a second; others wait. Default 100. */
  readonly messagesPerSecond?: number | undefined
}

/** Time that an asset may take, for the first request while the page is bundled. */
const assetTimeout = "30 seconds"

type Response = HttpServerResponse.HttpServerResponse

const failed = PageResponse.refuse({ status: 500, message: "the page could not be loaded; its server has the reason" })

const tooSlow = PageResponse.refuse({
  status: 503,
  message: "the page is not bundled yet (limit 30 s); try again",
  headers: { "retry-after": "5" }
})

const full = (maxBrowsers: number) =>
  PageResponse.refuse({
    status: 503,
    message: `too many browsers watch (limit ${maxBrowsers}); close one`,
    headers: { "retry-after": "5" }
  })

/** Starts effect/rpc. Returns the handler of requests for a WebSocket. */
const serveRpc = Effect.fnUntraced(function* (options: Options) {
  const { maxBrowsers = 64, maxRequests = 16, messagesPerSecond = 100 } = options
  const { httpEffect, protocol } = yield* RpcServer.makeProtocolWithHttpEffectWebsocket.pipe(
    Effect.provideService(RpcSerialization.RpcSerialization, PageWire.serialization)
  )
  const limited = yield* PageProtocol.limit(protocol, { maxRequests, messagesPerSecond })
  const handlers = yield* PageHandlers.make(options)
  yield* RpcServer.make(PageHandlers.group, {
    // A stream is open as long as the page: a span of it would end with the browser.
    disableTracing: true,
    disableFatalDefects: true,
    onDisconnect: limited.forget
  }).pipe(
    Effect.provideService(RpcServer.Protocol, limited.protocol),
    Effect.provideContext(handlers),
    Effect.forkScoped({ startImmediately: true })
  )
  let browsers = 0
  return Effect.suspend(() => {
    if (browsers >= maxBrowsers) return Effect.succeed(full(maxBrowsers))
    browsers++
    return httpEffect.pipe(
      // The end of a WebSocket that breaks its protocol or its connection: the response is not sent any more.
      Effect.catchDefect(() => Effect.succeed(HttpServerResponse.empty({ status: 400 }))),
      Effect.ensuring(Effect.sync(() => browsers--))
    )
  })
})

/** Returns the handler of requests for an asset. */
const serveAsset =
  ({ get }: PageAssets) =>
  (path: string, request: PageResponse.PageRequest): Effect.Effect<Response> =>
    get(path).pipe(
      Effect.map((found) =>
        found === undefined ? PageResponse.refuse(PageResponse.notFound) : PageResponse.asset(found, request)
      ),
      Effect.timeoutOrElse({ duration: assetTimeout, orElse: () => Effect.succeed(tooSlow) }),
      Effect.catchCauseIf(
        (cause) => !Cause.hasInterruptsOnly(cause),
        (cause) => Effect.as(Effect.logError("page: an asset could not be loaded", cause), failed)
      )
    )

/** Maximum length of a header in the log. */
const maxQuotedChars = 80

/** Returns an effect that logs a refused host or origin, once each, since a flood of them is possible. */
const makeRefusalLog = () => {
  const logged = new Set<string>()
  return ({ header }: PageResponse.Refusal) =>
    Effect.suspend(() => {
      if (header === undefined || logged.has(header.name)) return Effect.void
      logged.add(header.name)
      const value = TerminalText.truncate(TerminalText.escape(header.value), maxQuotedChars)
      return Effect.logWarning(
        `page: a request with the ${header.name} "${value}" was refused; further ones are not logged`
      )
    })
}

/** Serves the page on an `HttpServer` until the scope closes. @category constructors @since 0.1.0 */
export const serve = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<void, never, HttpServer.HttpServer | Scope.Scope> {
  const openSocket = yield* serveRpc(options)
  const getAsset = serveAsset(options.assets)
  const logRefusal = makeRefusalLog()
  const app = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, method, url }) => {
    const request: PageResponse.PageRequest = { headers, method, url }
    const route = PageResponse.route(request, options.hosts)
    switch (route._tag) {
      case "Refused":
        return Effect.as(logRefusal(route.refusal), PageResponse.refuse(route.refusal))
      case "Rpc":
        return openSocket
      case "Asset":
        return getAsset(route.path, request)
    }
  })
  // A handler cannot be interrupted by itself, and a WebSocket ends with its connection and with the server.
  yield* HttpServer.serveEffect(Effect.interruptible(app)).pipe(
    // Its span would end with the browser, hours later.
    Effect.provideService(HttpMiddleware.TracerDisabledWhen, ({ url }) => PageResponse.isRpc(url))
  )
})

/** Layer that serves the page on an `HttpServer`. @category layers @since 0.1.0 */
export const layer = (options: Options): Layer.Layer<never, never, HttpServer.HttpServer> =>
  Layer.effectDiscard(serve(options))
