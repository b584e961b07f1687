import * as Effect from "effect/Effect"
import { connected, pull, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "data that arrived before RST are read, then Reset",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("hello")
    yield* settle
    yield* near.abort
    yield* settle
    return [yield* rest(far), yield* pull(far)]
  }),
  expected: ["hello<Reset>", "<Reset>"]
}
