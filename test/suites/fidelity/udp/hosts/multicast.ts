import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a group is received from another host",
  hosts: "two",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const group = "239.255.71.33"
    const inbox = yield* open(b, { host: "0.0.0.0" })
    yield* inbox.socket.join(group, b.address)
    const sent = yield* send(yield* open(a, { multicast: { interface: a.address } }), "x", group, inbox.port)
    yield* settle
    return { sent, texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: "Success", texts: ["x"], from: ["a"] }
}
