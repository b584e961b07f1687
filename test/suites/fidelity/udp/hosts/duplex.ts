import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "two hosts send to each other at once",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const [one, other] = [yield* open(a), yield* open(b)]
    yield* Effect.all([send(one, "to b", b.address, other.port), send(other, "to a", a.address, one.port)], {
      concurrency: "unbounded"
    })
    yield* settle
    return { a: one.texts, b: other.texts }
  }),
  expected: { a: ["to a"], b: ["to b"] }
}
