import * as Effect from "effect/Effect"
import { listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "TCP and UDP have ports of their own",
  run: Effect.fnUntraced(function* ({ a }) {
    const listener = yield* listen(a)
    return yield* outcome(open(a, { port: portOf(listener.address) }))
  }),
  expected: "Success"
}
