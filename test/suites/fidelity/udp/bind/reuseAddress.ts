import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "reuseAddress shares a port only if both sockets set it",
  run: Effect.fnUntraced(function* ({ a }) {
    const shared = (yield* open(a, { reuseAddress: true })).port
    const own = (yield* open(a)).port
    return {
      both: yield* outcome(open(a, { port: shared, reuseAddress: true })),
      wildcard: yield* outcome(open(a, { host: "0.0.0.0", port: shared, reuseAddress: true })),
      first: yield* outcome(open(a, { port: shared })),
      second: yield* outcome(open(a, { port: own, reuseAddress: true }))
    }
  }),
  expected: { both: "Success", wildcard: "Success", first: "AddressInUse", second: "AddressInUse" }
}
