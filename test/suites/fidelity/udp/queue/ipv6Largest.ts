import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { burst, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "3 of a burst of 65,527 bytes over IPv6 fit into the default buffer",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { host: "::1" })
    burst(yield* open(a, { host: "::1" }), inbox, 10, 65527)
    yield* settle
    return { received: inbox.texts.length, dropped: (yield* inbox.socket.dropped) ?? null }
  }),
  expected: { received: 3, dropped: 7 }
}
