import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on the address of a group sends from the address of its interface",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const group = "239.255.71.20"
    const bound = yield* open(a, { host: group, multicast: { interface: "127.0.0.1" } })
    const inbox = yield* open(a)
    const sent = yield* send(bound, "x", "127.0.0.1", inbox.port)
    yield* settle
    return { sent, from: inbox.from.map(({ address }) => address) }
  }),
  expected: { sent: "Success", from: ["127.0.0.1"] }
}
