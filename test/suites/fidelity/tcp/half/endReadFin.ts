import * as Effect from "effect/Effect"
import { connected, pull, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"
import { outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the FIN of the peer after endRead changes nothing",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* far.endRead
    yield* near.write("unheard")
    yield* near.end
    yield* settle
    return [yield* pull(far), yield* outcome(far.write("heard")), yield* far.end.pipe(Effect.andThen(rest(near)))]
  }),
  expected: ["<Done>", "Success", "heard<Done>"]
}
