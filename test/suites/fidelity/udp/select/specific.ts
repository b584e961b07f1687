import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the socket bound to the address receives before that on 0.0.0.0",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const specific = yield* open(a, { reuseAddress: true })
    const wildcard = yield* open(a, { host: "0.0.0.0", port: specific.port, reuseAddress: true })
    const sender = yield* open(a)
    yield* send(sender, "one", "127.0.0.1", specific.port)
    yield* send(sender, "two", "127.0.0.2", specific.port)
    yield* settle
    return { specific: specific.texts, wildcard: wildcard.texts }
  }),
  expected: { specific: ["one"], wildcard: ["two"] }
}
