import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a connected socket of :: keeps its port on 0.0.0.0",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const remote = yield* open(a, { host: "::1" })
    const { port } = yield* open(a, { host: "::", remote: { address: "::1", port: remote.port } })
    return [yield* outcome(open(a, { host: "0.0.0.0", port })), yield* outcome(open(a, { port }))]
  }),
  expected: ["AddressInUse", "Success"]
}
