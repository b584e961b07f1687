import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a member of another group on 0.0.0.0 receives, too",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.16"
    const member = yield* open(a, { host: "0.0.0.0", reuseAddress: true })
    const other = yield* open(a, { host: "0.0.0.0", reuseAddress: true, port: member.port })
    yield* member.socket.join(group, "127.0.0.1")
    yield* other.socket.join("239.255.72.16", "127.0.0.1")
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, member.port)
    yield* settle
    return { member: member.texts, other: other.texts }
  }),
  expected: { member: ["x"], other: ["x"] }
}
