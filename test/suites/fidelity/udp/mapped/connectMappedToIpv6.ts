import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on an IPv4-mapped address cannot be connected to IPv6",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return yield* outcome(open(a, { host: "::ffff:127.0.0.1", remote: { address: "::1", port: 9 } }))
  }),
  expected: "InvalidAddress"
}
