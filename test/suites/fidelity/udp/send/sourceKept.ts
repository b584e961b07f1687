import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the source of a bound socket is its address",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a, { host: "127.0.0.5" })]
    yield* send(sender, "x", a.address, inbox.port)
    yield* settle
    return inbox.from.map(({ address }) => address)
  }),
  expected: ["127.0.0.5"]
}
