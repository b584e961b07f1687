import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "abort after the end of the own output resets the peer, which has read FIN",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.end
    yield* settle
    yield* near.abort
    const first = yield* pull(far)
    const writes: Array<string> = []
    for (let i = 0; i < 3; i++) {
      yield* settle
      writes.push(yield* outcome(far.write("more")))
    }
    return [first, ...writes]
  }),
  expected: ["<Done>", "Success", "Reset", "Reset"]
}
