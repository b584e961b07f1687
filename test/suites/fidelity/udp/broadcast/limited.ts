import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the limited broadcast of a socket on 127.0.0.1 stays in this host",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { host: "0.0.0.0" })
    const sent = [
      yield* send(yield* open(a), "x", "255.255.255.255", inbox.port),
      yield* send(yield* open(a, { broadcast: true }), "x", "255.255.255.255", inbox.port)
    ]
    yield* settle
    return { sent, texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: ["PermissionDenied", "Success"], texts: ["x"], from: ["127.0.0.1"] }
}
