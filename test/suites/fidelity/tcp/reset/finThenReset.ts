import * as Effect from "effect/Effect"
import { connected, rest, writeUntilFailure } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "data and FIN that arrived before RST are read; then writes fail",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("data")
    yield* near.end
    yield* settle
    yield* near.abort
    yield* settle
    return [yield* rest(far), yield* writeUntilFailure({ settle }, far)]
  }),
  expected: ["data<Done>", "Reset"]
}
