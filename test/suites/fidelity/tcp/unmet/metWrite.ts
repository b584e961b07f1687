import * as Effect from "effect/Effect"
import { connected, pull, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the first write after a RST fails at an end that has read before, and at a client",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const one = yield* connected({ a, b })
    yield* one.near.write("1")
    yield* take(one.far, 1)
    yield* one.near.abort
    const other = yield* connected({ a, b })
    yield* other.far.abort
    yield* settle
    return [
      yield* outcome(one.far.write("x")),
      yield* pull(one.far),
      yield* outcome(other.near.write("x")),
      yield* pull(other.near)
    ]
  }),
  expected: ["Reset", "<Reset>", "Reset", "<Reset>"]
}
