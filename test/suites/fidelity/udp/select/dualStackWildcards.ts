import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "of :: and 0.0.0.0 on one port the IPv4 socket receives IPv4",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const ipv4 = yield* open(a, { host: "0.0.0.0", reuseAddress: true })
    const both = yield* open(a, { host: "::", port: ipv4.port, reuseAddress: true })
    yield* send(yield* open(a), "four", "127.0.0.1", both.port)
    yield* send(yield* open(a, { host: "::1" }), "six", "::1", both.port)
    yield* settle
    return { both: both.texts, ipv4: ipv4.texts }
  }),
  expected: { both: ["six"], ipv4: ["four"] }
}
