import * as Effect from "effect/Effect"
import { tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a name, a text or a port out of range is an InvalidAddress",
  run: Effect.fnUntraced(function* ({ a }) {
    return [
      yield* tryListen(a, { host: "localhost" }),
      yield* tryListen(a, { host: "" }),
      yield* tryListen(a, { host: "1.2.3" }),
      yield* tryListen(a, { host: "[::1]" }),
      yield* tryListen(a, { port: -1 }),
      yield* tryListen(a, { port: 65_536 })
    ]
  }),
  expected: ["InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress", "InvalidAddress"]
}
