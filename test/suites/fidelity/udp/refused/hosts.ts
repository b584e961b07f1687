import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a closed port of another host is reported",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { port } = yield* Effect.scoped(open(b))
    const connected = yield* open(a, { remote: { address: b.address, port } })
    const sent = yield* send(connected, "x")
    yield* settle
    return { sent, errors: connected.errors }
  }),
  expected: { sent: "Success", errors: ["Refused"] }
}
