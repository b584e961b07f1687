import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "data and FIN of a closed end are read after a write was answered by RST",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, far, near } = yield* connected({ a, b })
    yield* far.write("data")
    yield* closeFar
    yield* settle
    const first = yield* outcome(near.write("one"))
    yield* settle
    return [first, yield* rest(near)]
  }),
  expected: ["Success", "data<Done>"]
}
