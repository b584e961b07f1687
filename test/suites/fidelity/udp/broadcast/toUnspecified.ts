import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on a broadcast address sends to 0.0.0.0 over loopback",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a), yield* open(a, { host: "127.255.255.255" })]
    const sent = yield* send(sender, "x", "0.0.0.0", inbox.port)
    yield* settle
    return { sent, texts: inbox.texts, from: inbox.from.map(({ address }) => address), own: sender.texts }
  }),
  expected: { sent: "Success", texts: ["x"], from: ["127.0.0.1"], own: [] }
}
