import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect, listen, portOf, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "an interrupted connect leaves no connection open",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const listener = yield* listen(b)
    const connecting = yield* start(Effect.scoped(connect(a, b.address, portOf(listener.address))))
    yield* Fiber.interrupt(connecting)
    const near = yield* connect(a, b.address, portOf(listener.address))
    yield* near.write("second")
    yield* near.end
    for (let text = ""; ; ) {
      text = yield* rest(yield* listener.accept)
      if (text.startsWith("second")) return text
    }
  }),
  expected: "second<Done>"
}
