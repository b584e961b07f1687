import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the first write after a RST that no pull has met succeeds, the next fails",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.abort
    const writes: Array<string> = []
    for (let i = 0; i < 3; i++) {
      yield* settle
      writes.push(yield* outcome(far.write("more")))
    }
    return [...writes, yield* pull(far)]
  }),
  expected: ["Success", "Reset", "Reset", "<Reset>"]
}
