import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: ":: receives IPv4 from an IPv4-mapped address, and the reply arrives",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { host: "::" }), yield* open(a)]
    yield* send(sender, "four", "127.0.0.1", inbox.port)
    yield* settle
    const { address, port } = inbox.from[0]!
    const replied = yield* send(inbox, "reply", address, port)
    yield* settle
    return { texts: inbox.texts, from: address, replied, replies: sender.texts }
  }),
  expected: { texts: ["four"], from: "::ffff:127.0.0.1", replied: "Success", replies: ["reply"] }
}
