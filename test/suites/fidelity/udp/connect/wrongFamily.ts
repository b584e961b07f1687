import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a remote of the other family fails with InvalidAddress",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return [
      yield* outcome(open(a, { remote: { address: "::1", port: 9 } })),
      yield* outcome(open(a, { host: "::1", remote: { address: "127.0.0.1", port: 9 } }))
    ]
  }),
  expected: ["InvalidAddress", "InvalidAddress"]
}
