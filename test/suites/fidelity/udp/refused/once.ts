import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a closed port is reported once, by onError, and the send succeeds",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const connected = yield* open(a, { remote: { address: a.address, port } })
    const sent = yield* send(connected, "x")
    yield* settle
    return { sent, errors: connected.errors }
  }),
  expected: { sent: "Success", errors: ["Refused"] }
}
