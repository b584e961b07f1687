import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an empty write to a connection that was reset",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.abort
    const read = yield* pull(far)
    return [read, yield* outcome(far.write(""))]
  }),
  expected: ["<Reset>", "Reset"]
}
