import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on ::1 cannot be connected to an IPv4-mapped address",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    return yield* outcome(open(a, { host: "::1", remote: { address: "::ffff:127.0.0.1", port: 9 } }))
  }),
  expected: "Unreachable"
}
