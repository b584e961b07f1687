import * as Effect from "effect/Effect"
import { connected, join, rest, start, tooMuch, until } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the peer of an end that closes with unsent data, and that reads after a second, reads a part and Done",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeNear, far, near } = yield* connected({ a, b })
    const writing = yield* start(outcome(near.write(tooMuch())))
    yield* until({ settle }, () => near.traffic().unsent > 0)
    yield* closeNear
    const text = yield* rest(far)
    return [yield* join(writing), text.length < tooMuch().length, text.slice(-6)]
  }),
  expected: ["Closed", true, "<Done>"]
}
