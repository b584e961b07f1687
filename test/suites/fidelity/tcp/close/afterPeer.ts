import * as Effect from "effect/Effect"
import { connected, join, pull, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an end that closes after its peer ends the connection at once",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeFar, closeNear, far, near } = yield* connected({ a, b })
    const closing = yield* start(closeNear)
    const end = yield* pull(far)
    yield* closeFar
    yield* join(closing)
    return [end, yield* outcome(far.write("late")), yield* pull(far), yield* pull(near)]
  }),
  expected: ["<Done>", "Closed", "<Done>", "<Done>"]
}
