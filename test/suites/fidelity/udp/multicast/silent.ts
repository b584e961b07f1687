import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the loopback interface delivers to this host also without the loopback option",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.23"
    const inbox = yield* open(a, { host: "0.0.0.0" })
    yield* inbox.socket.join(group, "127.0.0.1")
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1", loopback: false } }), "x", group, inbox.port)
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1", ttl: 0 } }), "ttl 0", group, inbox.port)
    yield* settle
    return inbox.texts
  }),
  expected: ["x", "ttl 0"]
}
