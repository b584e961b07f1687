import * as Effect from "effect/Effect"
import { anyOf, connected, portOf, pull, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the local port of a connection that was reset is free",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const attempt = Effect.gen(function* () {
      const { closeNear, far, near } = yield* connected({ a, b })
      const port = portOf(near.local)
      yield* near.abort
      yield* pull(far)
      yield* closeNear
      yield* settle
      return yield* tryListen(a, { port })
    })
    return yield* anyOf(attempt)
  }),
  expected: "Success"
}
