import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a name, a bad literal or a bad port fails with InvalidAddress",
  run: Effect.fnUntraced(function* ({ a }) {
    return yield* Effect.forEach(
      [{ host: "localhost" }, { host: "1.2.3" }, { host: "" }, { port: -1 }, { port: 65_536 }, { port: 1.5 }],
      (options) => outcome(open(a, options))
    )
  }),
  expected: ["InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress"]
}
