import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "of two sockets connected to one peer the newer receives",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const remote = yield* open(a)
    const options = { reuseAddress: true, remote: { address: a.address, port: remote.port } }
    const older = yield* open(a, options)
    const newer = yield* open(a, { ...options, port: older.port })
    yield* send(remote, "x", a.address, older.port)
    yield* settle
    return { older: older.texts, newer: newer.texts }
  }),
  expected: { older: [], newer: ["x"] }
}
