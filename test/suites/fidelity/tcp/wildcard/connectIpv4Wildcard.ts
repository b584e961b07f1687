import * as Effect from "effect/Effect"
import { addresses, connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to 0.0.0.0 reaches 127.0.0.1",
  run: Effect.fnUntraced(function* ({ a, b }) {
    return addresses(yield* connected({ a, b }, { host: "127.0.0.1" }, "0.0.0.0"))
  }),
  expected: { near: ["127.0.0.1", "0.0.0.0"], far: ["127.0.0.1", "127.0.0.1"], portsAgree: true }
}
