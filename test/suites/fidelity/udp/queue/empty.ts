import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "256 of a burst of empty datagrams fit into the default buffer",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a)
    burst(yield* open(a), inbox, 300, 0)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 256, dropped: 44 }
}
