import * as Effect from "effect/Effect"
import { connected, join, pull, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "RST fails a waiting pull with Reset, and the own one with Closed",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    const there = yield* start(pull(far))
    const here = yield* start(pull(near))
    yield* settle
    yield* near.abort
    return [yield* join(there), yield* join(here)]
  }),
  expected: ["<Reset>", "<Closed>"]
}
