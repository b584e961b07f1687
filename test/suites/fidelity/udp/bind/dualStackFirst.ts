import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: ":: takes the port on all IPv4 addresses, too",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a, { host: "::" })
    return yield* Effect.forEach(["0.0.0.0", "127.0.0.1", "::1"], (host) => outcome(open(a, { host, port })))
  }),
  expected: ["AddressInUse", "AddressInUse", "AddressInUse"]
}
