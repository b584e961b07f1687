import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "connecting to a broadcast address needs the right",
  run: Effect.fnUntraced(function* ({ a }) {
    const remote = { address: "127.255.255.255", port: 9 }
    return [yield* outcome(open(a, { remote })), yield* outcome(open(a, { remote, broadcast: true }))]
  }),
  expected: ["PermissionDenied", "Success"]
}
