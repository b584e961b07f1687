import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { addressOf, open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a connected socket on 0.0.0.0 gets the address of the interface for its group",
  needs: ["multicast"],
  run: Effect.fnUntraced(function* ({ a }) {
    const remote = { address: "239.255.71.31", port: 9 }
    const connected = yield* open(a, { host: "0.0.0.0", remote, multicast: { interface: "127.0.0.1" } })
    return addressOf(connected.socket.local)
  }),
  expected: "127.0.0.1"
}
