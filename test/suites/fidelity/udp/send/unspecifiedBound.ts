import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "0.0.0.0 as the destination is the address of a bound socket",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { host: "0.0.0.0" }), yield* open(a, { host: "127.0.0.5" })]
    const missed = yield* open(a)
    const sent = yield* send(sender, "x", "0.0.0.0", inbox.port)
    yield* send(sender, "x", "0.0.0.0", missed.port)
    yield* settle
    return { sent, from: inbox.from.map(({ address }) => address), missed: missed.texts }
  }),
  expected: { sent: "Success", from: ["127.0.0.5"], missed: [] }
}
