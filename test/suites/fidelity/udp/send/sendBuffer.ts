import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a datagram larger than the send buffer is sent while that is empty",
  run: Effect.fnUntraced(function* ({ a }) {
    const inbox = yield* open(a)
    const small = yield* open(a, { sendBuffer: 4_608 })
    return yield* send(small, "x".repeat(20_000), a.address, inbox.port)
  }),
  expected: "Success"
}
