import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the buffer is free again after its datagrams are received",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a)]
    for (let i = 0; i < 3; i++) {
      burst(sender, inbox, 200, 100)
      yield* settle
    }
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 600, dropped: 0 }
}
