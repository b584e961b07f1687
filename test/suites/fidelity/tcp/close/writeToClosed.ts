import * as Effect from "effect/Effect"
import { connected, pull } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "writes to a closed end fail once one was answered by RST and the next has met it",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, near } = yield* connected({ a, b })
    yield* closeFar
    const writes: Array<string> = []
    for (let i = 0; i < 4; i++) {
      yield* settle
      writes.push(yield* outcome(near.write("more")))
    }
    return [...writes, yield* pull(near)]
  }),
  expected: ["Success", "Success", "Reset", "Reset", "<Done>"]
}
