import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket that is connected to another peer refuses",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const peer = yield* open(a)
    const taken = yield* open(a, { remote: { address: a.address, port: peer.port } })
    const connected = yield* open(a, { remote: { address: a.address, port: taken.port } })
    yield* send(connected, "x")
    yield* settle
    return { texts: taken.texts, errors: connected.errors }
  }),
  expected: { texts: [], errors: ["Refused"] }
}
