import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { addressOf, open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an IPv4-mapped address is bound, and its port is that of IPv4",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const mapped = yield* open(a, { host: "::ffff:127.0.0.1" })
    return {
      local: addressOf(mapped.socket.local),
      sameAsIpv4: yield* outcome(open(a, { port: mapped.port })),
      otherIpv4: yield* outcome(open(a, { host: "127.0.0.2", port: mapped.port })),
      ipv6: yield* outcome(open(a, { host: "::1", port: mapped.port }))
    }
  }),
  expected: { local: "::ffff:127.0.0.1", sameAsIpv4: "AddressInUse", otherIpv4: "Success", ipv6: "Success" }
}
