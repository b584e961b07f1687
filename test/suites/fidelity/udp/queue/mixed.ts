import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "datagrams of several sizes share the buffer",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { receiveBuffer: 10_000 }), yield* open(a)]
    for (const size of [1_400, 10, 10_000, 1_400, 200, 200, 1, 1]) burst(sender, inbox, 1, size)
    yield* settle
    return inbox.texts.map((text) => text.length)
  }),
  expected: [1400, 10, 10000]
}
