import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an IPv6 socket that has joined a group of IPv4 receives from it",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a }) {
    const group = "239.255.71.30"
    const inbox = yield* open(a, { host: "::" })
    const joined = yield* outcome(inbox.socket.join(group))
    return joined
  }),
  expected: "Success"
}
