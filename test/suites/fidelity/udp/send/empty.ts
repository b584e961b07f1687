import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an empty datagram arrives",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a)]
    for (const text of ["", "x", ""]) yield* send(sender, text, a.address, inbox.port)
    yield* settle
    return inbox.texts
  }),
  expected: ["", "x", ""]
}
