import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "endRead of an accepted connection that was never read",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("early")
    yield* settle
    yield* far.endRead
    return yield* rest(far)
  }),
  expected: "<Done>",
  notModelled: {
    behaviour: "`endRead` on an accepted connection before its first `pull`",
    linux: "what has arrived stays in the kernel, and is lost",
    simulation: "what has arrived is read",
    result: "early<Done>"
  }
}
