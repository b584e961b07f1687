import * as Effect from "effect/Effect"
import { connected, pull, writeUntilFailure } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "RST after a FIN that was read leaves reads Done, and fails writes",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.end
    const end = yield* pull(far)
    yield* near.abort
    yield* settle
    return [end, yield* pull(far), yield* writeUntilFailure({ settle }, far)]
  }),
  expected: ["<Done>", "<Done>", "Reset"]
}
