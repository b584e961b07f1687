import * as Effect from "effect/Effect"
import { connected, join, rest, start } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a server that closes ends the input of its client",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { closeFar, far, near } = yield* connected({ a, b })
    yield* far.write("data")
    const closing = yield* start(closeFar)
    const read = yield* rest(near)
    yield* join(closing)
    return read
  }),
  expected: "data<Done>"
}
