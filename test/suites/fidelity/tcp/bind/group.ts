import * as Effect from "effect/Effect"
import { tryListen } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "a listener may have a multicast or a broadcast address",
  run: Effect.fnUntraced(function* ({ a }) {
    return [
      yield* tryListen(a, { host: "224.0.0.251" }),
      yield* tryListen(a, { host: "127.255.255.255" }),
      yield* tryListen(a, { host: "255.255.255.255" })
    ]
  }),
  expected: ["Success", "Success", "Success"]
}
