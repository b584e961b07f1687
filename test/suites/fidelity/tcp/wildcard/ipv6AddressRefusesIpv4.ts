import * as Effect from "effect/Effect"
import { listen, portOf, tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a listener on ::1 refuses IPv4, mapped or not",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const listener = yield* listen(a, { host: "::1" })
    const port = portOf(listener.address)
    return [yield* tryConnect(a, "127.0.0.1", port), yield* tryConnect(a, "::ffff:127.0.0.1", port)]
  }),
  expected: ["Refused", "Refused"]
}
