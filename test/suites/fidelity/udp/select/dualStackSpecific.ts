import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a datagram to IPv4 goes to the IPv4 socket before that on ::",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const both = yield* open(a, { host: "::", reuseAddress: true })
    const ipv4 = yield* open(a, { host: "127.0.0.1", port: both.port, reuseAddress: true })
    const sender = yield* open(a)
    yield* send(sender, "one", "127.0.0.1", both.port)
    yield* send(sender, "two", "127.0.0.2", both.port)
    yield* settle
    return { both: both.texts, ipv4: ipv4.texts }
  }),
  expected: { both: ["two"], ipv4: ["one"] }
}
