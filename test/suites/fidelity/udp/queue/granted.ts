import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the granted buffer is twice the requested one, and at least 2,304 bytes",
  run: Effect.fnUntraced(function* ({ a }) {
    return yield* Effect.forEach([undefined, 1, 1_152, 1_153, 10_000, 100_000], (receiveBuffer) =>
      Effect.map(open(a, { receiveBuffer }), ({ socket }) => socket.receiveBuffer)
    )
  }),
  expected: [212992, 2304, 2304, 2306, 20000, 200000]
}
