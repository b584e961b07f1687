import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "names, bad literals and bad ports as destinations fail with InvalidAddress",
  run: Effect.fnUntraced(function* ({ a }) {
    const sender = yield* open(a)
    const sent = yield* Effect.forEach(["localhost", "1.2.3", ""], (address) => send(sender, "x", address, 9))
    return [...sent, ...(yield* Effect.forEach([0, -1, 65_536], (port) => send(sender, "x", a.address, port)))]
  }),
  expected: ["InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress"]
}
