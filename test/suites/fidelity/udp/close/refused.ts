import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a connected socket learns from the next datagram that its peer has closed",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const remote = yield* Scope.provide(open(a), scope)
    const connected = yield* open(a, { remote: { address: a.address, port: remote.port } })
    yield* send(connected, "one")
    yield* settle
    yield* Scope.close(scope, Exit.void)
    yield* settle
    const before = [...connected.errors]
    yield* send(connected, "two")
    yield* settle
    return { texts: remote.texts, before, after: connected.errors }
  }),
  expected: { texts: ["one"], before: [], after: ["Refused"] }
}
