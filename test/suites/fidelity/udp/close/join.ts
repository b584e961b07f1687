import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the port is free after a member of a group is closed",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a }) {
    const { port } = yield* Effect.scoped(
      Effect.tap(open(a, { host: "0.0.0.0" }), ({ socket }) => socket.join("239.255.71.32", "127.0.0.1"))
    )
    return yield* outcome(open(a, { host: "0.0.0.0", port }))
  }),
  expected: "Success"
}
