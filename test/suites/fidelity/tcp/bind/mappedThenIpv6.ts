import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an IPv4-mapped address and an IPv6 address share a port",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, { host: "::ffff:127.0.0.1" })
    return yield* tryListen(a, { ...{ host: "::1" }, port: portOf(first.address) })
  }),
  expected: "Success"
}
