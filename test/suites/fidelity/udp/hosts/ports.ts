import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the ports of two hosts are independent",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { port } = yield* open(a)
    return yield* outcome(open(b, { port }))
  }),
  expected: "Success"
}
