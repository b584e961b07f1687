import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a member on another port suffices for a socket on 0.0.0.0 to receive from the group",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.15"
    const member = yield* open(a, { host: "0.0.0.0" })
    const wildcard = yield* open(a, { host: "0.0.0.0" })
    yield* member.socket.join(group, "127.0.0.1")
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, wildcard.port)
    yield* settle
    return { member: member.texts, wildcard: wildcard.texts }
  }),
  expected: { member: [], wildcard: ["x"] }
}
