import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "data that arrive at a closing end before its peer closes are dropped, and nothing is reset",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, far, near } = yield* connected({ a, b })
    yield* far.write("answer")
    const closing = yield* start(closeFar)
    // At once: after 50 ms without data, the end would be closed.
    const late = [yield* outcome(near.write("late"))]
    yield* settle
    late.push(yield* outcome(near.write("later")))
    yield* settle
    const read = yield* rest(near)
    yield* near.end
    yield* join(closing)
    return [...late, read]
  }),
  expected: ["Success", "Success", "answer<Done>"]
}
