import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a write after the end of the own output and a RST fails with Closed, a pull with Reset",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* far.end
    yield* settle
    yield* near.abort
    yield* settle
    return [yield* outcome(far.write("x")), yield* pull(far)]
  }),
  expected: ["Closed", "<Reset>"]
}
