import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the smallest buffer takes two tiny datagrams",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { receiveBuffer: 1 })
    burst(yield* open(a), inbox, 10, 1)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 2, dropped: 8 }
}
