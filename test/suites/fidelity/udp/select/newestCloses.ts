import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "after the newer of two equal sockets is closed, the older receives",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const older = yield* open(a, { reuseAddress: true })
    const sender = yield* open(a)
    yield* Effect.scoped(open(a, { port: older.port, reuseAddress: true }))
    yield* send(sender, "one", a.address, older.port)
    yield* settle
    return older.texts
  }),
  expected: ["one"]
}
