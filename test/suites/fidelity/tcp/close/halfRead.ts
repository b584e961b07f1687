import * as Effect from "effect/Effect"
import { connected, join, rest, start, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "closing with input of which a part was read sends FIN",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, far, near } = yield* connected({ a, b })
    yield* near.write("question")
    const first = yield* take(far, 8)
    yield* near.write("more")
    yield* settle
    yield* far.write("answer")
    const closing = yield* start(closeFar)
    const read = yield* rest(near)
    yield* near.end
    yield* join(closing)
    return [first, read]
  }),
  expected: ["question", "answer<Done>"]
}
