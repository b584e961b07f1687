import * as Effect from "effect/Effect"
import { connected, join, start, tooMuch, until } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a peer that writes more than the buffers hold waits after endRead, until the end closes",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, far, near } = yield* connected({ a, b })
    yield* far.endRead
    const writing = yield* start(outcome(Effect.andThen(near.write(tooMuch()), near.end)))
    yield* until({ settle }, () => near.traffic().unsent > 0)
    yield* closeFar
    return yield* join(writing)
  }),
  expected: "Success"
}
