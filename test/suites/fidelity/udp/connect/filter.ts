import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a connected socket receives from its remote address and port only",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const remote = yield* open(a)
    const samePort = yield* open(a, { host: "127.0.0.2", port: remote.port })
    const sameAddress = yield* open(a)
    const connected = yield* open(a, { remote: { address: a.address, port: remote.port } })
    for (const sender of [samePort, sameAddress, remote]) yield* send(sender, "x", a.address, connected.port)
    yield* settle
    return { received: connected.texts.length, fromRemote: connected.from.every(({ port }) => port === remote.port) }
  }),
  expected: { received: 1, fromRemote: true }
}
