import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "data that arrive at an aborted end change nothing",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* far.abort
    const written = yield* outcome(near.write("late"))
    yield* settle
    return [written, yield* pull(far), yield* pull(near)]
  }),
  expected: ["Success", "<Closed>", "<Reset>"]
}
