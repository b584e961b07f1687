import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a burst to a closed port without waiting reports one refusal",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const connected = yield* open(a, { remote: { address: a.address, port } })
    for (let i = 0; i < 4; i++) connected.socket.sendUnsafe(new Uint8Array(1))
    yield* settle
    return connected.errors
  }),
  expected: []
}
