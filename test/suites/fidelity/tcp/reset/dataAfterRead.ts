import * as Effect from "effect/Effect"
import { connected, rest, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "data that arrived before RST are read, also if the program has read before",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("1")
    yield* take(far, 1)
    yield* near.write("hello")
    yield* settle
    yield* near.abort
    yield* settle
    return yield* rest(far)
  }),
  expected: "hello<Reset>"
}
