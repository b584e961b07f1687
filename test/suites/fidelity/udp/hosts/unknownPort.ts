import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a datagram to a closed port of another host is lost without an error",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { port } = yield* Effect.scoped(open(b))
    const sender = yield* open(a)
    const sent = [yield* send(sender, "x", b.address, port), yield* send(sender, "x", b.address, port)]
    yield* settle
    return { sent, errors: sender.errors }
  }),
  expected: { sent: ["Success", "Success"], errors: [] }
}
