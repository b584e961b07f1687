import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "both ends write a megabyte at once",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near } = yield* connected({ a, b })
    const writing = []
    for (const end of [near, far])
      writing.push(yield* start(Effect.andThen(end.write(new Uint8Array(2 ** 20)), end.end)))
    const reading = [yield* start(rest(near)), yield* start(rest(far))]
    for (const one of writing) yield* join(one)
    return [(yield* join(reading[0]!)).length, (yield* join(reading[1]!)).length]
  }),
  expected: [1048582, 1048582]
}
