import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket can be connected to itself",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const self = yield* open(a, { port, remote: { address: a.address, port } })
    const sent = yield* send(self, "x")
    yield* settle
    return { sent, texts: self.texts }
  }),
  expected: { sent: "Success", texts: ["x"] }
}
