import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket that binds the port later does not receive earlier datagrams",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const sender = yield* open(a)
    const { port } = yield* Effect.scoped(
      Effect.tap(open(a), ({ port }) =>
        Effect.sync(() => sender.socket.sendUnsafe(new Uint8Array(1), { address: a.address, port }))
      )
    )
    const next = yield* open(a, { port })
    yield* settle
    return next.texts
  }),
  expected: []
}
