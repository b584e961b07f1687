import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the port of a connected socket on 0.0.0.0 is free on other addresses",
  run: Effect.fnUntraced(function* ({ a }) {
    const remote = yield* open(a)
    const { port } = yield* open(a, { host: "0.0.0.0", remote: { address: a.address, port: remote.port } })
    return [
      yield* outcome(open(a, { host: "127.0.0.2", port })),
      yield* outcome(open(a, { port })),
      yield* outcome(open(a, { host: "0.0.0.0", port }))
    ]
  }),
  expected: ["Success", "AddressInUse", "AddressInUse"]
}
