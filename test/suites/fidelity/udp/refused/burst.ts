import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "every second of a burst to a closed port fails itself, and the last refusal is reported",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const connected = yield* open(a, { remote: { address: a.address, port } })
    const sent = yield* Effect.all(
      Array.from({ length: 5 }, () => send(connected, "x")),
      { concurrency: "unbounded" }
    )
    yield* settle
    return { sent, errors: connected.errors }
  }),
  expected: { sent: ["Success", "Refused", "Success", "Refused", "Success"], errors: ["Refused"] }
}
