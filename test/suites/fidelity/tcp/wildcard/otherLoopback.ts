import * as Effect from "effect/Effect"
import { addresses, connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the IPv4 wildcard accepts every loopback address, from 127.0.0.1",
  run: Effect.fnUntraced(function* ({ a, b }) {
    return addresses(yield* connected({ a, b }, { host: "0.0.0.0" }, "127.0.0.3"))
  }),
  expected: { near: ["127.0.0.1", "127.0.0.3"], far: ["127.0.0.3", "127.0.0.1"], portsAgree: true }
}
