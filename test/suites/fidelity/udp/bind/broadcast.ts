import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { addressOf, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a broadcast address can be bound",
  run: Effect.fnUntraced(function* ({ a }) {
    const { socket } = yield* open(a, { host: "127.255.255.255" })
    return addressOf(socket.local)
  }),
  expected: "127.255.255.255"
}
