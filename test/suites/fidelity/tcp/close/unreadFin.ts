import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "closing with unread data and FIN ends both sides without RST",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeNear, far } = yield* connected({ a, b })
    yield* far.write("data")
    yield* far.end
    yield* settle
    yield* closeNear
    return yield* rest(far)
  }),
  expected: "<Done>"
}
