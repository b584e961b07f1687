import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the port of a socket on 0.0.0.0 is taken on every address",
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* open(a, { host: "0.0.0.0" })
    return [yield* outcome(open(a, { port })), yield* outcome(open(a, { host: "127.0.0.2", port }))]
  }),
  expected: ["AddressInUse", "AddressInUse"]
}
