import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a broadcast is received on 0.0.0.0 and on its address, not on the address of a host",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const wildcard = yield* open(a, { host: "0.0.0.0", reuseAddress: true })
    const shared = { port: wildcard.port, reuseAddress: true }
    const second = yield* open(a, { host: "0.0.0.0", ...shared })
    const bound = yield* open(a, { host: "127.255.255.255", ...shared })
    const unicast = yield* open(a, shared)
    const sender = yield* open(a, { broadcast: true })
    yield* send(sender, "x", "127.255.255.255", wildcard.port)
    yield* settle
    return [wildcard, second, bound, unicast].map(({ texts }) => texts.length)
  }),
  expected: [1, 1, 1, 0]
}
