import * as Effect from "effect/Effect"
import { anyOf, connected, join, portOf, pull, start, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the local port of a connection that its server closed first is free",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const attempt = Effect.gen(function* () {
      const { closeFar, closeNear, near } = yield* connected({ a, b })
      const port = portOf(near.local)
      const closing = yield* start(closeFar)
      yield* pull(near)
      yield* closeNear
      yield* join(closing)
      yield* settle
      return yield* tryListen(a, { port })
    })
    return yield* anyOf(attempt)
  }),
  expected: "Success"
}
