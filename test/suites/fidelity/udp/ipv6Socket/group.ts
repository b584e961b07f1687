import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an IPv6 group is joined on the loopback interface, once",
  needs: ["multicast", "ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "ff02::71:27"
    const inbox = yield* open(a, { host: "::", reuseAddress: true })
    const unjoined = yield* open(a, { host: "::", reuseAddress: true, port: inbox.port })
    const joined = [yield* outcome(inbox.socket.join(group, "%lo")), yield* outcome(inbox.socket.join(group, "%lo"))]
    const sent = yield* send(yield* open(a, { host: "::1", multicast: { interface: "%lo" } }), "x", group, inbox.port)
    yield* settle
    return {
      joined,
      sent,
      texts: inbox.texts,
      unjoined: unjoined.texts,
      from: inbox.from.map(({ address }) => address)
    }
  }),
  expected: { joined: ["Success", "AddressInUse"], sent: "Unreachable", texts: [], unjoined: [], from: [] }
}
