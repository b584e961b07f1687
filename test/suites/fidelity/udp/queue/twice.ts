import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "24 of a burst of tiny datagrams fit into a buffer of 10,000 bytes, which the kernel doubles",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { receiveBuffer: 10_000 })
    burst(yield* open(a), inbox, 100, 1)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 24, dropped: 76 }
}
