import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a datagram is sent to an address with a zone",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { host: "::1" }), yield* open(a, { host: "::1" })]
    const sent = yield* send(sender, "x", "::1%lo", inbox.port)
    yield* settle
    return { sent, texts: inbox.texts }
  }),
  expected: { sent: "Success", texts: ["x"] },
  notModelled: {
    behaviour: "an IPv6 zone in the destination of a datagram, such as `::1%lo`",
    linux: "sent through that interface",
    simulation: "`InvalidAddress`, because hosts have only global addresses",
    result: { sent: "InvalidAddress", texts: [] }
  }
}
