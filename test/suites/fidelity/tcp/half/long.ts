import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the peer of an ended output sends a megabyte",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.end
    const writing = yield* start(Effect.andThen(far.write(new Uint8Array(2 ** 20)), far.end))
    const text = yield* rest(near)
    yield* join(writing)
    return [text.length, text.slice(-6)]
  }),
  expected: [1048582, "<Done>"]
}
