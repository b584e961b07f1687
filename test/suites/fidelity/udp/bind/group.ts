import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { addressOf, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a multicast group can be bound",
  run: Effect.fnUntraced(function* ({ a }) {
    const { socket } = yield* open(a, { host: "239.255.71.9" })
    return addressOf(socket.local)
  }),
  expected: "239.255.71.9"
}
