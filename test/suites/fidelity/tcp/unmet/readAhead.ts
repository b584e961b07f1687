import * as Effect from "effect/Effect"
import { connected, rest, take } from "../../Connections.ts"
import type { Scenario } from "../../Fidelity.ts"

export const scenario: Scenario = {
  name: "several chunks that Node has read ahead, and then RST",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { far, near } = yield* connected({ a, b })
    yield* near.write("1")
    yield* take(far, 1)
    for (const text of ["first", "second"]) {
      yield* near.write(text)
      yield* settle
    }
    yield* near.abort
    yield* settle
    return yield* rest(far)
  }),
  expected: "first<Reset>",
  notModelled: {
    behaviour: "data before a reset, at an end that has read before",
    linux: "Node keeps the first chunk that arrived since, and loses the others",
    simulation: "all are read before `Reset`",
    result: "firstsecond<Reset>"
  }
}
