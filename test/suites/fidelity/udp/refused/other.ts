import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket that is not connected is not told of a closed port",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const other = yield* open(a)
    const sent = [yield* send(other, "x", a.address, port)]
    yield* settle
    sent.push(yield* send(other, "x", a.address, port))
    return { sent, errors: other.errors }
  }),
  expected: { sent: ["Success", "Success"], errors: [] }
}
