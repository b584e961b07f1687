import * as Effect from "effect/Effect"
import { connected, rest, until } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "fifty kilobytes that arrived before RST are read",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write(new Uint8Array(50_000))
    yield* until({ settle }, () => near.traffic().unsent === 0)
    yield* near.abort
    yield* settle
    const text = yield* rest(far)
    return [text.length, text.slice(-7)]
  }),
  expected: [50007, "<Reset>"]
}
