import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a member that has left does not receive",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.21"
    const inbox = yield* open(a, { host: "0.0.0.0" })
    const sender = yield* open(a, { multicast: { interface: "127.0.0.1" } })
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* inbox.socket.join(group, "127.0.0.1")
        yield* send(sender, "member", group, inbox.port)
        yield* settle
      })
    )
    yield* send(sender, "left", group, inbox.port)
    yield* settle
    return inbox.texts
  }),
  expected: ["member"]
}
