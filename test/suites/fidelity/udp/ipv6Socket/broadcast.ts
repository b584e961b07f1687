import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a broadcast is received on ::",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { host: "::" })
    yield* send(yield* open(a, { broadcast: true }), "x", "127.255.255.255", inbox.port)
    yield* settle
    return { texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { texts: ["x"], from: ["::ffff:127.0.0.1"] }
}
