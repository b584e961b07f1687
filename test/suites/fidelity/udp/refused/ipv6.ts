import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a closed port is reported over IPv6",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a, { host: "::1" }))
    const connected = yield* open(a, { host: "::1", remote: { address: "::1", port } })
    const sent = yield* send(connected, "x")
    yield* settle
    return { sent, errors: connected.errors }
  }),
  expected: { sent: "Success", errors: ["Refused"] }
}
