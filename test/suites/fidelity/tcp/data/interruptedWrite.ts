import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connected, join, rest, start, tooMuch, until } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an interrupted write is still sent, whole",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    const all = tooMuch()
    const writing = yield* start(near.write(all))
    yield* until({ settle }, () => near.traffic().unsent > 0)
    yield* Fiber.interrupt(writing)
    const length = all.length
    const next = yield* start(Effect.andThen(near.write("end"), near.end))
    const text = yield* rest(far)
    yield* join(next)
    return [text.length - length, text.slice(-9)]
  }),
  expected: [9, "end<Done>"]
}
