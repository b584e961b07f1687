import * as Effect from "effect/Effect"
import { connected, join, pull, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "closing fails the own waiting pull with Closed",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeNear, near } = yield* connected({ a, b })
    const waiting = yield* start(pull(near))
    yield* closeNear
    return yield* join(waiting)
  }),
  expected: "<Closed>"
}
