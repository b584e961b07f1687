import * as Effect from "effect/Effect"
import { connected, join, pull, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "endRead ends a waiting pull",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far } = yield* connected({ a, b })
    const waiting = yield* start(pull(far))
    yield* far.endRead
    return yield* join(waiting)
  }),
  expected: "<Done>"
}
