import * as Effect from "effect/Effect"
import { listen, portOf, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "two loopback addresses have ports of their own",
  run: Effect.fnUntraced(function* ({ a }) {
    const first = yield* listen(a, {})
    return yield* tryListen(a, { ...{ host: "127.0.0.2" }, port: portOf(first.address) })
  }),
  expected: "Success"
}
