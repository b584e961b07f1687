import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a destination on a connected socket fails with IsConnected, none on another with NotConnected",
  run: Effect.fnUntraced(function* ({ a }) {
    const remote = yield* open(a)
    const connected = yield* open(a, { remote: { address: a.address, port: remote.port } })
    return [yield* send(connected, "x", a.address, remote.port), yield* send(remote, "x")]
  }),
  expected: ["IsConnected", "NotConnected"]
}
