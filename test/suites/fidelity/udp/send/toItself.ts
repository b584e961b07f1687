import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket receives what it sends to itself",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a)
    yield* send(inbox, "x", a.address, inbox.port)
    yield* settle
    return inbox.texts
  }),
  expected: ["x"]
}
