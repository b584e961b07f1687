import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "closing sends everything that was written before",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeNear, far, near } = yield* connected({ a, b })
    yield* start(near.write(new Uint8Array(2 ** 20)))
    const closing = yield* start(closeNear)
    const text = yield* rest(far)
    yield* join(closing)
    return [text.length, text.slice(-6)]
  }),
  expected: [1048582, "<Done>"]
}
