import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on an IPv4-mapped address receives IPv4, and no IPv6",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const inbox = yield* open(a, { host: "::ffff:127.0.0.1" })
    yield* send(yield* open(a), "four", "127.0.0.1", inbox.port)
    yield* send(yield* open(a, { host: "::1" }), "six", "::1", inbox.port)
    yield* settle
    return { texts: inbox.texts, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { texts: ["four"], from: ["::ffff:127.0.0.1"] }
}
