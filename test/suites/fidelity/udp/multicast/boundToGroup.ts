import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on the address of a group receives only from the group",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.19"
    const bound = yield* open(a, { host: group })
    yield* bound.socket.join(group, "127.0.0.1")
    const sender = yield* open(a, { multicast: { interface: "127.0.0.1" } })
    yield* send(sender, "group", group, bound.port)
    yield* send(sender, "unicast", "127.0.0.1", bound.port)
    yield* settle
    return bound.texts
  }),
  expected: ["group"]
}
