import * as Effect from "effect/Effect"
import { connected, rest } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "input that was not read when the program aborts",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* far.write("unread")
    yield* settle
    yield* near.abort
    yield* settle
    return yield* rest(near)
  }),
  expected: "unread<Closed>",
  notModelled: {
    behaviour: "unread input of an end that the program has aborted or closed",
    linux: "a client may still read what Node has read ahead",
    simulation: "is discarded",
    result: "<Closed>"
  }
}
