import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a refusal that is pending at the close is not reported",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const connected = yield* Effect.scoped(
      Effect.tap(open(a, { remote: { address: a.address, port } }), ({ socket }) =>
        Effect.sync(() => socket.sendUnsafe(new Uint8Array(1)))
      )
    )
    yield* settle
    return connected.errors
  }),
  expected: []
}
