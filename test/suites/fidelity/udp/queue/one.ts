import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an empty queue takes a datagram larger than the buffer",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { receiveBuffer: 1 })
    burst(yield* open(a), inbox, 5, 60000)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 1, dropped: 4 }
}
