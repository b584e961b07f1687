import * as Effect from "effect/Effect"
import { addresses, connected, join, start, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "addresses and counters stay after closing",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeFar, closeNear, far, near } = yield* connected({ a, b })
    yield* near.write("data")
    yield* take(far, 4)
    const closing = yield* start(closeNear)
    yield* closeFar
    yield* join(closing)
    return [near.traffic(), far.traffic(), addresses({ far, near })].map((it) => ({ ...it }))
  }),
  expected: [
    { received: 0, sent: 4, unsent: 0 },
    { received: 4, sent: 0, unsent: 0 },
    { near: ["127.0.0.1", "127.0.0.1"], far: ["127.0.0.1", "127.0.0.1"], portsAgree: true }
  ]
}
