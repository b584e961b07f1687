import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a group can be joined again after it was left",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a }) {
    const group = "239.255.71.12"
    const { socket } = yield* open(a, { host: "0.0.0.0" })
    const join = socket.join(group, "127.0.0.1")
    return [yield* outcome(Effect.scoped(join)), yield* outcome(Effect.scoped(join))]
  }),
  expected: ["Success", "Success"]
}
