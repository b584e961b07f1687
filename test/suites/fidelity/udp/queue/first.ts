import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the first datagrams of a burst are received, the last are dropped",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [inbox, sender] = [yield* open(a, { receiveBuffer: 1_664 }), yield* open(a)]
    for (let i = 0; i < 8; i++)
      sender.socket.sendUnsafe(Uint8Array.of(48 + i), { address: a.address, port: inbox.port })
    yield* settle
    return inbox.texts
  }),
  expected: ["0", "1", "2", "3"]
}
