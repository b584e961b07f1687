import * as Effect from "effect/Effect"
import { addresses, connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "connecting to :: reaches a listener on ::",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, b }) {
    return addresses(yield* connected({ a, b }, { host: "::" }, "::"))
  }),
  expected: { near: ["::1", "::"], far: ["::1", "::1"], portsAgree: true }
}
