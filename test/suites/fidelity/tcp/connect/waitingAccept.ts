import * as Effect from "effect/Effect"
import { join, listenFor, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "closing a listener fails a waiting accept with Closed",
  run: Effect.fnUntraced(function* ({ a }) {
    const { close, it } = yield* listenFor(a)
    const waiting = yield* start(outcome(it.accept))
    yield* close
    return yield* join(waiting)
  }),
  expected: "Closed"
}
