import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "65,507 bytes are sent over IPv4, more fail with MessageTooLarge",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a)]
    const sent = yield* Effect.forEach([65_507, 65_508, 70_000], (size) =>
      send(sender, "x".repeat(size), a.address, inbox.port)
    )
    yield* settle
    return { sent, sizes: inbox.texts.map((text) => text.length) }
  }),
  expected: { sent: ["Success", "MessageTooLarge", "MessageTooLarge"], sizes: [65507] }
}
