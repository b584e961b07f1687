import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "each member receives one copy",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.13"
    const one = yield* open(a, { host: "0.0.0.0", reuseAddress: true })
    const two = yield* open(a, { host: "0.0.0.0", reuseAddress: true, port: one.port })
    for (const { socket } of [one, two]) yield* socket.join(group, "127.0.0.1")
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, one.port)
    yield* settle
    return [one.texts, two.texts]
  }),
  expected: [["x"], ["x"]]
}
