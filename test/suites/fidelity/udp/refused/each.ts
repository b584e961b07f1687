import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "each datagram to a closed port is reported, if there is time between them",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const connected = yield* open(a, { remote: { address: a.address, port } })
    const sent: Array<string> = []
    for (let i = 0; i < 3; i++) {
      sent.push(yield* send(connected, "x"))
      yield* settle
    }
    return { sent, errors: connected.errors }
  }),
  expected: { sent: ["Success", "Success", "Success"], errors: ["Refused", "Refused", "Refused"] }
}
