import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "without a member nobody receives from the group, and the send succeeds",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.17"
    const wildcard = yield* open(a, { host: "0.0.0.0" })
    const sent = yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, wildcard.port)
    yield* settle
    return { sent, texts: wildcard.texts }
  }),
  expected: { sent: "Success", texts: [] }
}
