import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a refusal of another host does not disturb later datagrams",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const { port } = yield* Effect.scoped(open(b))
    const connected = yield* open(a, { remote: { address: b.address, port } })
    yield* send(connected, "early")
    yield* settle
    const server = yield* open(b, { port })
    yield* send(server, "reply", a.address, connected.port)
    yield* settle
    return { errors: connected.errors, texts: connected.texts }
  }),
  expected: { errors: ["Refused"], texts: ["reply"] }
}
