import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a closed socket fails with Closed, and has no counters",
  run: Effect.fnUntraced(function* ({ a }) {
    const inbox = yield* Effect.scoped(open(a))
    inbox.socket.sendUnsafe(new Uint8Array(1), { address: a.address, port: 9 })
    return {
      sent: yield* send(inbox, "x", a.address, 9),
      joined: yield* outcome(Effect.scoped(inbox.socket.join("239.255.71.9"))),
      dropped: (yield* inbox.socket.dropped) ?? null
    }
  }),
  expected: { sent: "Closed", joined: "Closed", dropped: null }
}
