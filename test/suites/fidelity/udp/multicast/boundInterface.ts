import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on 127.0.0.1 sends to a group by the loopback interface",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.29"
    const inbox = yield* open(a, { host: "0.0.0.0" })
    yield* inbox.socket.join(group, "127.0.0.1")
    const sent = yield* send(yield* open(a), "x", group, inbox.port)
    yield* settle
    return { sent, texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: "Success", texts: ["x"], from: ["127.0.0.1"] }
}
