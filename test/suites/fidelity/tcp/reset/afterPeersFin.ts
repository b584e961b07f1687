import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "abort after the FIN of the peer resets the peer",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.end
    const end = yield* pull(far)
    yield* far.abort
    yield* settle
    return [end, yield* pull(near), yield* pull(far)]
  }),
  expected: ["<Done>", "<Reset>", "<Done>"]
}
