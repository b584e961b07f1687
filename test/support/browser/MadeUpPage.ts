/** A server of the page with made-up state, games and packets. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as NodePageAssets from "../../../src/web/assets/NodePageAssets.ts"
import * as NodePageServer from "../../../src/web/NodePageServer.ts"
import type { Tab } from "./Chromium.ts"
import * as MadeUpGames from "./MadeUpGames.ts"
import type { MadeUpHub } from "./MadeUpHub.ts"

/** The token of the made-up page. */
const token = "made-up-token-of-43-characters-0123456789ab"

/** A running server of the page. */
export interface MadeUpPage {
  /** Address without a slash at its end. */
  readonly url: string
  readonly port: number
  readonly close: () => Promise<void>
}

/** Options of the server. */
interface Options {
  readonly hub: Pick<MadeUpHub, "hub">
  /** True if browsers with the token may play and restart. Default: false. */
  readonly hasControl?: boolean
  /** Default: a free one. */
  readonly port?: number
}

/** Starts a server. */
export const serve = async ({ hasControl = false, hub, port = 0 }: Options): Promise<MadeUpPage> => {
  const scope = Scope.makeUnsafe()
  const url = await Effect.runPromise(
    Effect.gen(function* () {
      const assets = yield* NodePageAssets.make
      // A visit does not wait for the bundling of sources that have changed.
      yield* assets.get("/")
      const layer = NodePageServer.layer({
        host: "127.0.0.1",
        port,
        hub: hub.hub,
        assets,
        packets: MadeUpGames.watch,
        games: MadeUpGames.games,
        restart: () => Effect.void,
        token: hasControl ? Redacted.make(token) : undefined,
        version: "0.1.0"
      })
      return HttpServer.formatAddress(Context.get(yield* Layer.build(layer), HttpServer.HttpServer).address)
    }).pipe(Scope.provide(scope))
  )
  return {
    url,
    port: Number(new URL(url).port),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** Opens a view in a tab. The first visit brings the token. */
export const visit = async ({ evaluate, page }: Tab, { url }: MadeUpPage, route: string): Promise<void> => {
  if (!page.url().startsWith(url)) {
    await page.goto(`${url}/#token=${token}`)
    await page.locator("main").waitFor()
  }
  await evaluate<void>(`void (location.hash = ${JSON.stringify(route)})`)
}
