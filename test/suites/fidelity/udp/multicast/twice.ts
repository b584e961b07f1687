import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "joining a group twice on one interface fails with AddressInUse",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a }) {
    const group = "239.255.71.11"
    const inbox = yield* open(a, { host: "0.0.0.0" })
    return [
      yield* outcome(inbox.socket.join(group, "127.0.0.1")),
      yield* outcome(inbox.socket.join(group, "127.0.0.1"))
    ]
  }),
  expected: ["Success", "AddressInUse"]
}
