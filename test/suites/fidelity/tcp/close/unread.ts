import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "closing with unread input sends FIN, so that the last bytes arrive",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, far, near } = yield* connected({ a, b })
    yield* near.write("question")
    yield* settle
    yield* far.write("answer")
    const closing = yield* start(closeFar)
    const read = yield* rest(near)
    yield* near.end
    yield* join(closing)
    return read
  }),
  expected: "answer<Done>"
}
