import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket that is connected to a group is not refused, and receives nothing from its members",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.24"
    const member = yield* open(a, { host: "0.0.0.0" })
    yield* member.socket.join(group, "127.0.0.1")
    const connected = yield* open(a, {
      remote: { address: group, port: member.port },
      multicast: { interface: "127.0.0.1" }
    })
    const sent = yield* send(connected, "x")
    yield* settle
    yield* send(member, "reply", a.address, connected.port)
    yield* settle
    return { sent, texts: member.texts, replies: connected.texts, errors: connected.errors }
  }),
  expected: { sent: "Success", texts: ["x"], replies: [], errors: [] }
}
