import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "197 bytes take as much of the buffer as one byte",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a)
    burst(yield* open(a), inbox, 300, 197)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 256, dropped: 44 }
}
