import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the interface for sending must exist",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a }) {
    const group = "239.255.71.28"
    return [
      yield* outcome(open(a, { host: "0.0.0.0", multicast: { interface: "127.0.0.1" } })),
      yield* outcome(open(a, { host: "0.0.0.0", multicast: { interface: "198.51.100.1" } })),
      group
    ]
  }),
  expected: ["Success", "AddressNotAvailable", "239.255.71.28"]
}
