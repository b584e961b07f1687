import * as Effect from "effect/Effect"
import { connected } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a peer that does not read takes at least 64 kilobytes",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { near } = yield* connected({ a, b })
    yield* near.write(new Uint8Array(60_000))
    yield* settle
    return { ...near.traffic() }
  }),
  expected: { received: 0, sent: 60000, unsent: 0 }
}
