import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "reuseAddress and reusePort do not share a port with each other",
  run: Effect.fnUntraced(function* ({ a }) {
    const byAddress = (yield* open(a, { reuseAddress: true })).port
    const byPort = (yield* open(a, { reusePort: true })).port
    const both = { reuseAddress: true, reusePort: true }
    return {
      portSecond: yield* outcome(open(a, { port: byAddress, reusePort: true })),
      addressSecond: yield* outcome(open(a, { port: byPort, reuseAddress: true })),
      bothAfterAddress: yield* outcome(open(a, { port: byAddress, ...both })),
      bothAfterPort: yield* outcome(open(a, { port: byPort, ...both }))
    }
  }),
  expected: {
    portSecond: "AddressInUse",
    addressSecond: "AddressInUse",
    bothAfterAddress: "Success",
    bothAfterPort: "Success"
  }
}
