import * as Effect from "effect/Effect"
import { connected, join, pull, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the peer of a closed connection reads all data, then Done, and Done again",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeNear, far, near } = yield* connected({ a, b })
    yield* near.write("data")
    const closing = yield* start(closeNear)
    const read = [yield* rest(far), yield* pull(far)]
    yield* join(closing)
    return read
  }),
  expected: ["data<Done>", "<Done>"]
}
