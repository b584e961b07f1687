import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket that was refused reaches a server that starts later",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const { port } = yield* Effect.scoped(open(a))
    const connected = yield* open(a, { remote: { address: a.address, port } })
    yield* send(connected, "early")
    yield* settle
    const server = yield* open(a, { port })
    yield* send(connected, "late")
    yield* settle
    return { errors: connected.errors, texts: server.texts }
  }),
  expected: { errors: ["Refused"], texts: ["late"] }
}
