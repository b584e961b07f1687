import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the connected socket receives from its peer, the other the rest",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const peer = yield* open(a)
    const stranger = yield* open(a)
    const connected = yield* open(a, { reuseAddress: true, remote: { address: a.address, port: peer.port } })
    const other = yield* open(a, { port: connected.port, reuseAddress: true })
    yield* send(peer, "peer", a.address, other.port)
    yield* send(stranger, "stranger", a.address, other.port)
    yield* settle
    return { connected: connected.texts, other: other.texts }
  }),
  expected: { connected: ["peer"], other: ["stranger"] }
}
