import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a broadcast without the option fails with PermissionDenied",
  run: Effect.fnUntraced(function* ({ a }) {
    const [quiet, loud] = [yield* open(a), yield* open(a, { broadcast: true })]
    return [yield* send(quiet, "x", "127.255.255.255", 9), yield* send(loud, "x", "127.255.255.255", 9)]
  }),
  expected: ["PermissionDenied", "Success"]
}
