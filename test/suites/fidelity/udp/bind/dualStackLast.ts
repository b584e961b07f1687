import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: ":: fails for a port that IPv4 has",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const wildcard = (yield* open(a, { host: "0.0.0.0" })).port
    const loopback = (yield* open(a)).port
    return [
      yield* outcome(open(a, { host: "::", port: wildcard })),
      yield* outcome(open(a, { host: "::", port: loopback }))
    ]
  }),
  expected: ["AddressInUse", "AddressInUse"]
}
