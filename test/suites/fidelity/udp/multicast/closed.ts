import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a membership ends with its socket",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.22"
    const wildcard = yield* open(a, { host: "0.0.0.0" })
    yield* Effect.scoped(Effect.flatMap(open(a, { host: "0.0.0.0" }), ({ socket }) => socket.join(group, "127.0.0.1")))
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, wildcard.port)
    yield* settle
    return wildcard.texts
  }),
  expected: []
}
