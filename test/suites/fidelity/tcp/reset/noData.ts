import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "RST without data fails every pull with Reset",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.abort
    yield* settle
    return [yield* pull(far), yield* pull(far), yield* outcome(far.write("late"))]
  }),
  expected: ["<Reset>", "<Reset>", "Reset"]
}
