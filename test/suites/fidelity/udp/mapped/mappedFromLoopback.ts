import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on ::1 cannot send to an IPv4-mapped address",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a, { host: "::1" })]
    const sent = yield* send(sender, "x", "::ffff:127.0.0.1", inbox.port)
    yield* settle
    return { sent, texts: inbox.texts }
  }),
  expected: { sent: "Unreachable", texts: [] }
}
