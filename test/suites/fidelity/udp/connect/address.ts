import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { addressOf, open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on 0.0.0.0 gets the address towards its remote",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const remote = yield* open(a)
    const connected = yield* open(a, { host: "0.0.0.0", remote: { address: a.address, port: remote.port } })
    yield* send(connected, "x")
    yield* settle
    return { local: addressOf(connected.socket.local), from: remote.from[0]!.address }
  }),
  expected: { local: "127.0.0.1", from: "127.0.0.1" }
}
