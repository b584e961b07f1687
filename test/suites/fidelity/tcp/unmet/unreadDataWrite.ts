import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a write after a RST that no pull has met discards what arrived before",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("data")
    yield* settle
    yield* near.abort
    yield* settle
    const first = yield* outcome(far.write("one"))
    yield* settle
    return [first, yield* rest(far)]
  }),
  expected: ["Success", "<Reset>"]
}
