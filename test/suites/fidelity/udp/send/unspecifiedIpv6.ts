import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: ":: as the destination is this host",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { host: "::1" }), yield* open(a, { host: "::" })]
    const sent = yield* send(sender, "x", "::", inbox.port)
    yield* settle
    return { sent, texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: "Success", texts: ["x"], from: ["::1"] }
}
