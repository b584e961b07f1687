import * as Effect from "effect/Effect"
import { connected, join, portOf, pull, start, tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "the local port of a connection that its client closed first stays in use",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { closeFar, closeNear, far, near } = yield* connected({ a, b })
    const port = portOf(near.local)
    const closing = yield* start(closeNear)
    const end = yield* pull(far)
    yield* closeFar
    yield* join(closing)
    yield* settle
    return [end, yield* tryListen(a, { port }), yield* tryListen(a, { port, host: "127.0.0.3" })]
  }),
  expected: ["<Done>", "AddressInUse", "Success"]
}
