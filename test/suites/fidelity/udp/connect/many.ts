import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "several sockets with reuseAddress have connections of one port",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const [one, other] = [yield* open(a), yield* open(a)]
    const toOne = yield* open(a, { reuseAddress: true, remote: { address: a.address, port: one.port } })
    const { port } = toOne
    const toOther = yield* open(a, { port, reuseAddress: true, remote: { address: a.address, port: other.port } })
    yield* send(one, "one", a.address, port)
    yield* send(other, "other", a.address, port)
    yield* send(yield* open(a), "stranger", a.address, port)
    yield* settle
    return { toOne: toOne.texts, toOther: toOther.texts }
  }),
  expected: { toOne: ["one"], toOther: ["other"] }
}
