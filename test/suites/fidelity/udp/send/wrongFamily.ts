import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a destination of the other family fails",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const [ipv4, ipv6] = [yield* open(a), yield* open(a, { host: "::" })]
    return [
      yield* send(ipv4, "x", "::1", 9),
      yield* send(ipv4, "x", "::ffff:127.0.0.1", 9),
      yield* send(ipv6, "x", "127.0.0.1", 9)
    ]
  }),
  expected: ["InvalidAddress", "InvalidAddress", "InvalidAddress"]
}
