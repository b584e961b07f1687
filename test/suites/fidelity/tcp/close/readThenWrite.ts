import * as Effect from "effect/Effect"
import { connected, pull, writeUntilFailure } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "after FIN of a closed end a write is answered by RST, and reads stay Done",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, near } = yield* connected({ a, b })
    yield* closeFar
    const first = yield* pull(near)
    const failure = yield* writeUntilFailure({ settle }, near)
    return [first, failure, yield* pull(near)]
  }),
  expected: ["<Done>", "Reset", "<Done>"]
}
