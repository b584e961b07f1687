import * as Effect from "effect/Effect"
import { connected, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the local port of a connection is in use for a listener on its address",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { near } = yield* connected({ a, b })
    const port = portOf(near.local)
    return [
      yield* tryListen(a, { port }),
      yield* tryListen(a, { port, host: "0.0.0.0" }),
      yield* tryListen(a, { port, host: "127.0.0.3" })
    ]
  }),
  expected: ["AddressInUse", "AddressInUse", "Success"]
}
