import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect, listen, portOf, start, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an interrupted accept leaves the next connection to the next accept",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const listener = yield* listen(b)
    const early = yield* start(listener.accept)
    yield* Fiber.interrupt(early)
    const near = yield* connect(a, b.address, portOf(listener.address))
    yield* near.write("x")
    return yield* take(yield* listener.accept, 1)
  }),
  expected: "x"
}
