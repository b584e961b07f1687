import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on a broadcast address receives only broadcasts",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const bound = yield* open(a, { host: "127.255.255.255" })
    const sender = yield* open(a, { broadcast: true })
    yield* send(sender, "unicast", "127.0.0.1", bound.port)
    yield* send(sender, "broadcast", "127.255.255.255", bound.port)
    yield* settle
    return bound.texts
  }),
  expected: ["broadcast"]
}
