import * as Effect from "effect/Effect"
import { connected, pull, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the peer of an ended input writes and closes without an error",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeNear, far, near } = yield* connected({ a, b })
    yield* far.endRead
    const written = yield* outcome(near.write("unheard"))
    yield* near.end
    yield* far.end
    const read = yield* rest(near)
    yield* closeNear
    return [written, read, yield* pull(far)]
  }),
  expected: ["Success", "<Done>", "<Done>"]
}
