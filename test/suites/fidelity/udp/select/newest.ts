import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "of two equal sockets with reuseAddress the newer receives",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const older = yield* open(a, { reuseAddress: true })
    const newer = yield* open(a, { port: older.port, reuseAddress: true })
    const sender = yield* open(a)
    for (const text of ["one", "two"]) yield* send(sender, text, a.address, older.port)
    yield* settle
    return { older: older.texts, newer: newer.texts }
  }),
  expected: { older: [], newer: ["one", "two"] }
}
