import * as Effect from "effect/Effect"
import { connect, join, listenFor, owned, portOf, pull, start, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a listener is replaced at once after its connections were closed by the server first",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { close, it } = yield* listenFor(b)
    const port = portOf(it.address)
    const near = yield* owned(connect(a, b.address, port))
    const far = yield* owned(it.accept)
    const closing = yield* start(far.close)
    const ends = [yield* pull(near.it)]
    yield* near.close
    yield* join(closing)
    yield* close
    return [...ends, yield* tryListen(b, { port })]
  }),
  expected: ["<Done>", "Success"]
}
