import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "65,527 bytes are sent over IPv6, more fail with MessageTooLarge",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { host: "::1" }), yield* open(a, { host: "::1" })]
    const sent = yield* Effect.forEach([65_527, 65_528], (size) => send(sender, "x".repeat(size), "::1", inbox.port))
    yield* settle
    return { sent, sizes: inbox.texts.map((text) => text.length) }
  }),
  expected: { sent: ["Success", "MessageTooLarge"], sizes: [65527] }
}
