import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on :: receives from an IPv4 group of another socket",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.25"
    const member = yield* open(a, { host: "0.0.0.0", reuseAddress: true })
    const both = yield* open(a, { host: "::", reuseAddress: true, port: member.port })
    yield* member.socket.join(group, "127.0.0.1")
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, member.port)
    yield* settle
    return { member: member.texts, both: both.texts }
  }),
  expected: { member: ["x"], both: [] }
}
