import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a member that is bound to 127.0.0.1 does not receive from its group",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.18"
    const member = yield* open(a)
    yield* member.socket.join(group, "127.0.0.1")
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, member.port)
    yield* settle
    return member.texts
  }),
  expected: []
}
