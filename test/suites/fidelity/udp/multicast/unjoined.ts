import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on 0.0.0.0 receives from a group that another socket has joined",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.14"
    const member = yield* open(a, { host: "0.0.0.0", reuseAddress: true })
    const wildcard = yield* open(a, { host: "0.0.0.0", reuseAddress: true, port: member.port })
    const specific = yield* open(a, { reuseAddress: true, port: member.port })
    yield* member.socket.join(group, "127.0.0.1")
    yield* send(yield* open(a, { multicast: { interface: "127.0.0.1" } }), "x", group, member.port)
    yield* settle
    return { member: member.texts, wildcard: wildcard.texts, specific: specific.texts }
  }),
  expected: { member: ["x"], wildcard: ["x"], specific: [] }
}
