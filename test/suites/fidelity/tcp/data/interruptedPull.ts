import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connected, pull, start, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an interrupted pull loses nothing",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    const early = yield* start(pull(far))
    yield* Fiber.interrupt(early)
    yield* near.write("whole")
    return yield* take(far, 5)
  }),
  expected: "whole"
}
