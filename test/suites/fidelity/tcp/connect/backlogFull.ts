import * as Effect from "effect/Effect"
import { connect, listen, portOf } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "more clients than the backlog has room for, and no accept",
  run: Effect.fnUntraced(function* ({ a, b }) {
    const listener = yield* listen(b, { backlog: 1 })
    const attempt = connect(a, b.address, portOf(listener.address)).pipe(
      Effect.as("connected"),
      Effect.timeout("5 seconds")
    )
    const results: Array<string> = []
    for (let i = 0; i < 4; i++)
      results.push(yield* Effect.catchTag(attempt, "TimeoutError", () => Effect.succeed("waits")))
    return results
  }),
  expected: ["connected", "connected", "connected", "connected"],
  notModelled: {
    behaviour: "clients beyond `backlog`, while the program does not accept",
    linux: "Node accepts them all into its own memory",
    simulation: "the kernel takes `backlog` + 1, and the SYNs of others are lost",
    result: ["connected", "connected", "waits", "waits"]
  }
}
