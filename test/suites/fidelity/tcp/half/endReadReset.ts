import * as Effect from "effect/Effect"
import { connected, pull, writeUntilFailure } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a reset after endRead is not read",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* far.endRead
    yield* near.abort
    yield* settle
    return [yield* pull(far), yield* writeUntilFailure({ settle }, far)]
  }),
  expected: ["<Done>", "Reset"]
}
