import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a group is joined on 127.0.0.1",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.10"
    const inbox = yield* open(a, { host: "0.0.0.0" })
    const joined = yield* outcome(inbox.socket.join(group, "127.0.0.1"))
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, inbox.port)
    yield* settle
    return { joined, texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { joined: "Success", texts: ["x"], from: ["127.0.0.1"] }
}
