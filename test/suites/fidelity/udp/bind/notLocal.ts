import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an address of another host fails with AddressNotAvailable",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return [yield* outcome(open(a, { host: "198.51.100.1" })), yield* outcome(open(a, { host: "2001:db8::1" }))]
  }),
  expected: ["AddressNotAvailable", "AddressNotAvailable"]
}
