/** The page of a count, for as long as it runs. Loaded only with `--page`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FarmSource from "../../../web/sources/FarmSource.ts"
import type { Endpoint } from "../../common/flagParsers.ts"
import * as page from "../common/page.ts"
import type { PageService } from "../common/pageService.ts"
import { explainListenError } from "../common/serverMessages.ts"

/** Shows a run on a page until the scope closes. Returns the link to the page. */
export const show = Effect.fnUntraced(function* <Output, E>(
  address: Endpoint,
  title: string,
  running: Parameters<typeof FarmSource.ofRun<Output, E>>[2]
) {
  const service: PageService = {
    ...{ name: "primes", service: "primes count", values: {} },
    ...{ state: "ready", restarts: 0, sinceMillis: yield* Clock.currentTimeMillis },
    running: { page: yield* FarmSource.ofRun("primes", title, running) }
  }
  const contents = { services: Effect.succeed([service]) }
  const { add, link } = yield* page
    .open({ address, control: false, hosts: [] }, contents)
    .pipe(Effect.catchTag("NetworkError", explainListenError("primes count: page", address.port, "--page")))
  yield* add(service)
  return link
})
