import * as Effect from "effect/Effect"
import { connected, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "ephemeral ports are between 32768 and 60999",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const { far, near, listener } = yield* connected({ a, b })
    const isEphemeral = (port: number) => port >= 32_768 && port <= 60_999
    return [portOf(listener.address), portOf(near.local), portOf(far.remote)].map(isEphemeral)
  }),
  expected: [true, true, true]
}
