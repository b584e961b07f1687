import * as Effect from "effect/Effect"
import { connected, join, rest, start, tooMuch, until } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "abort discards what the peer has not taken",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    const writing = yield* start(outcome(near.write(tooMuch())))
    yield* until({ settle }, () => near.traffic().unsent > 0)
    yield* near.abort
    const text = yield* rest(far)
    return [yield* join(writing), text.length < tooMuch().length, text.slice(-7)]
  }),
  expected: ["Closed", true, "<Reset>"]
}
