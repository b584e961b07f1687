import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "256 of a burst of 184 bytes over IPv6 fit into the default buffer",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { host: "::1" })
    burst(yield* open(a, { host: "::1" }), inbox, 300, 184)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 256, dropped: 44 }
}
