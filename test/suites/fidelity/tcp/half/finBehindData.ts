import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "FIN arrives behind data that nobody has read yet",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    const writing = yield* start(Effect.andThen(near.write(new Uint8Array(300_000)), near.end))
    yield* settle
    const text = yield* rest(far)
    yield* join(writing)
    return [text.length, text.slice(-6)]
  }),
  expected: [300006, "<Done>"]
}
