import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "100 datagrams arrive in their order",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const [inbox, sender] = [yield* open(b), yield* open(a)]
    for (let i = 0; i < 100; i++) yield* send(sender, `${i}`, b.address, inbox.port)
    yield* settle
    return inbox.texts.every((text, index) => text === `${index}`) && inbox.texts.length === 100
  }),
  expected: true
}
