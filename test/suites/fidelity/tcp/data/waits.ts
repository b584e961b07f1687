import * as Effect from "effect/Effect"
import { connected, join, pull, start, tooMuch, until } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a write waits while the peer does not read, and ends once it has",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    const all = tooMuch()
    const writing = yield* start(near.write(all))
    yield* until({ settle }, () => near.traffic().unsent > 0)
    const isWaiting = writing.pollUnsafe() === undefined
    let length = 0
    while (length < all.length) length += (yield* pull(far)).length
    yield* join(writing)
    return [isWaiting, length === all.length]
  }),
  expected: [true, true]
}
