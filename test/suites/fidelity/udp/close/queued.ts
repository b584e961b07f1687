import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "datagrams that were not received at the close are discarded",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const sender = yield* open(a)
    const inbox = yield* Effect.scoped(
      Effect.tap(open(a), ({ port }) =>
        Effect.sync(() => sender.socket.sendUnsafe(new Uint8Array(1), { address: a.address, port }))
      )
    )
    yield* settle
    return inbox.texts
  }),
  expected: []
}
