import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "::1 and 127.0.0.1 have their own ports",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a, { host: "::1" })
    return yield* outcome(open(a, { port }))
  }),
  expected: "Success"
}
