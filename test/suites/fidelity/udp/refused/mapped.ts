import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { addressOf, open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a closed port is reported to an IPv6 socket that is connected to an IPv4-mapped address",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const connected = yield* open(a, { host: "::", remote: { address: "::ffff:127.0.0.1", port } })
    const sent = yield* send(connected, "x")
    yield* settle
    return { local: addressOf(connected.socket.local), sent, errors: connected.errors }
  }),
  expected: { local: "::ffff:127.0.0.1", sent: "Success", errors: ["Refused"] }
}
