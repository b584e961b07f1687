import * as Effect from "effect/Effect"
import { addresses, connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to an IPv4-mapped address reaches an IPv4 listener",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, b }) {
    return addresses(yield* connected({ a, b }, { host: "127.0.0.1" }, "::ffff:127.0.0.1"))
  }),
  expected: { near: ["127.0.0.1", "::ffff:127.0.0.1"], far: ["127.0.0.1", "127.0.0.1"], portsAgree: true }
}
