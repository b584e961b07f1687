import * as Effect from "effect/Effect"
import { listenFor, portOf, tryConnect } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to a port without listener is refused",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { close, it } = yield* listenFor(b)
    yield* close
    return yield* tryConnect(a, b.address, portOf(it.address))
  }),
  expected: "Refused"
}
