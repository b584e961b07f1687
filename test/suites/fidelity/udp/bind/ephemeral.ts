import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "port 0 gives ports between 32768 and 60999 that differ",
  run: Effect.fnUntraced(function* ({ a }) {
    const ports = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.map(open(a), ({ port }) => port))
    return { distinct: new Set(ports).size, inRange: ports.every((port) => port >= 32_768 && port <= 60_999) }
  }),
  expected: { distinct: 50, inRange: true }
}
