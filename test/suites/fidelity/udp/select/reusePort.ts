import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "all datagrams of one sender go to one socket of those with reusePort",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const all = [yield* open(a, { reusePort: true })]
    for (let i = 0; i < 3; i++) all.push(yield* open(a, { port: all[0]!.port, reusePort: true }))
    const sender = yield* open(a)
    for (let i = 0; i < 10; i++) yield* send(sender, "x", a.address, all[0]!.port)
    yield* settle
    return all.map(({ texts }) => texts.length).sort((one, other) => other - one)
  }),
  expected: [10, 0, 0, 0]
}
