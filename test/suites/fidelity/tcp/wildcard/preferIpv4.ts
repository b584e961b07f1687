import * as Effect from "effect/Effect"
import { connect, hostOf, listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an IPv4 client reaches the IPv4 wildcard before the IPv6 wildcard",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const ipv6 = yield* listen(a, { host: "::", reusePort: true })
    const port = portOf(ipv6.address)
    const ipv4 = yield* listen(a, { host: "0.0.0.0", port, reusePort: true })
    yield* connect(a, "127.0.0.1", port)
    yield* connect(a, "::1", port)
    return [hostOf((yield* ipv4.accept).remote), hostOf((yield* ipv6.accept).remote)]
  }),
  expected: ["127.0.0.1", "::1"]
}
