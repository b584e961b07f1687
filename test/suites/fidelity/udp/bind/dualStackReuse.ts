import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: ":: and 0.0.0.0 share a port if both set reuseAddress",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a, { host: "::", reuseAddress: true })
    return yield* outcome(open(a, { host: "0.0.0.0", port, reuseAddress: true }))
  }),
  expected: "Success"
}
