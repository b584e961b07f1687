import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the source of a socket on 0.0.0.0 is 127.0.0.1 for all loopback addresses",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { host: "127.0.0.5" }), yield* open(a, { host: "0.0.0.0" })]
    yield* send(sender, "x", "127.0.0.5", inbox.port)
    yield* settle
    return inbox.from.map(({ address }) => address)
  }),
  expected: ["127.0.0.1"]
}
