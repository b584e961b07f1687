import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "0.0.0.0 as the destination is this host",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a, { host: "0.0.0.0" })]
    const sent = yield* send(sender, "x", "0.0.0.0", inbox.port)
    yield* settle
    return { sent, texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: "Success", texts: ["x"], from: ["127.0.0.1"] }
}
