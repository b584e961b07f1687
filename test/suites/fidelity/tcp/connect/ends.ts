import * as Effect from "effect/Effect"
import { addresses, connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "both ends report the same addresses and ports",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    return addresses(yield* connected({ a, b }))
  }),
  expected: { near: ["a", "b"], far: ["b", "a"], portsAgree: true }
}
