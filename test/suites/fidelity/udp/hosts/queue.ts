import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a burst from another host overflows the receive buffer",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const inbox = yield* open(b)
    burst(yield* open(a), inbox, 500, 1, b.address)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 256, dropped: 244 }
}
