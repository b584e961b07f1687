import * as Effect from "effect/Effect"
import { connected, join, pull, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a write of 16 megabytes is read whole",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    const writing = yield* start(Effect.andThen(near.write(new Uint8Array(16 * 2 ** 20)), near.end))
    let length = 0
    for (let next = yield* pull(far); next !== "<Done>"; next = yield* pull(far)) length += next.length
    yield* join(writing)
    return [length, near.traffic().sent, near.traffic().unsent]
  }),
  expected: [16777216, 16777216, 0]
}
