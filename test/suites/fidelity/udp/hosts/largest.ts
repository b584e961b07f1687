import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the largest datagram reaches another host",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const [inbox, sender] = [yield* open(b), yield* open(a)]
    const sent = yield* send(sender, "x".repeat(65_507), b.address, inbox.port)
    yield* settle
    return { sent, sizes: inbox.texts.map((text) => text.length), from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: "Success", sizes: [65507], from: ["a"] }
}
