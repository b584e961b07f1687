import * as Effect from "effect/Effect"
import { addresses, connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a wildcard listener reports the address that its client connected to",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    return addresses(yield* connected({ a, b }, { host: "0.0.0.0" }, b.address))
  }),
  expected: { near: ["a", "b"], far: ["b", "a"], portsAgree: true }
}
