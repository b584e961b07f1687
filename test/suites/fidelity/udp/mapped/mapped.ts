import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an IPv6 socket on :: sends to an IPv4-mapped address by IPv4",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a, { host: "::" })]
    const sent = yield* send(sender, "x", "::ffff:127.0.0.1", inbox.port)
    yield* settle
    return { sent, texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: "Success", texts: ["x"], from: ["127.0.0.1"] }
}
