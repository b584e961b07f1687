import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a broadcast that no socket receives is not refused",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a, { host: "0.0.0.0" }))
    const sender = yield* open(a, { broadcast: true, remote: { address: "127.255.255.255", port } })
    const sent = yield* send(sender, "x")
    yield* settle
    return { sent, errors: sender.errors }
  }),
  expected: { sent: "Success", errors: [] }
}
