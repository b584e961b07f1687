import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an IPv6 socket can be bound to a group",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return [yield* outcome(open(a, { host: "ff05::71" })), yield* outcome(open(a, { host: "ff0e::71" }))]
  }),
  expected: ["Success", "Success"]
}
