/** The page of a count, for as long as it runs. Loaded only with `--page`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Farm from "../../../farm/Farm.ts"
import * as FarmSource from "../../../web/sources/FarmSource.ts"
import type { Endpoint } from "../../common/flagParsers.ts"
import * as page from "../common/page.ts"
import type { PageService } from "../common/pageService.ts"
import { explainListenError } from "../common/serverMessages.ts"

/** A run to show. */
export type ShownRun = Pick<Farm.Running<unknown>, "stats"> & { readonly output: Effect.Effect<unknown, unknown> }

/** Serves the page until the scope closes. Returns the link to it, and the effect that shows a run on it. */
export const open = Effect.fnUntraced(function* (address: Endpoint, title: string) {
  const service: PageService = {
    ...{ name: "primes", service: "primes count", values: {} },
    ...{ state: "ready", restarts: 0, sinceMillis: yield* Clock.currentTimeMillis, running: undefined }
  }
  const contents = { services: Effect.succeed([service]) }
  const { add, link } = yield* page
    .open({ address, control: false, hosts: [] }, contents)
    .pipe(Effect.catchTag("NetworkError", explainListenError("primes count: page", address.port, "--page")))
  const show = Effect.fnUntraced(function* (running: ShownRun) {
    yield* add({ ...service, running: { page: yield* FarmSource.ofRun("primes", title, running) } })
  })
  return { link, show }
})
