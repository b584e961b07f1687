import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the senders are spread over the sockets with reusePort",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const all = [yield* open(a, { reusePort: true })]
    all.push(yield* open(a, { port: all[0]!.port, reusePort: true }))
    for (let i = 0; i < 40; i++) yield* send(yield* open(a), "x", a.address, all[0]!.port)
    yield* settle
    const counts = all.map(({ texts }) => texts.length)
    return { total: counts[0]! + counts[1]!, bothReceive: counts.every((count) => count > 0) }
  }),
  expected: { total: 40, bothReceive: true }
}
