import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a megabyte arrives whole and in order",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    const bytes = Uint8Array.from({ length: 2 ** 20 }, (_, index) => 65 + ((index * 7) % 23))
    const expected = Buffer.from(bytes).toString("latin1")
    const writing = yield* start(Effect.andThen(near.write(bytes), near.end))
    const text = yield* rest(far)
    yield* join(writing)
    return text === `${expected}<Done>`
  }),
  expected: true
}
