import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a port in use is reported before a remote address that cannot be reached",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a)
    const remote = { address: "::1", port }
    return [yield* outcome(open(a, { port, remote })), yield* outcome(open(a, { remote }))]
  }),
  expected: ["AddressInUse", "InvalidAddress"]
}
