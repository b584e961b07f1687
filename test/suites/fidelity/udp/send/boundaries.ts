import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "datagrams keep their boundaries and their order",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const [inbox, sender] = [yield* open(b), yield* open(a)]
    for (const text of ["one", "two", "three"]) yield* send(sender, text, b.address, inbox.port)
    yield* settle
    return inbox.texts
  }),
  expected: ["one", "two", "three"]
}
