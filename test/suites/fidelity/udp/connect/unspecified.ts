import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { addressOf, open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket connected to 0.0.0.0 reaches this host",
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const remote = yield* open(a, { host: "0.0.0.0" })
    const connected = yield* open(a, { host: "0.0.0.0", remote: { address: "0.0.0.0", port: remote.port } })
    const sent = yield* send(connected, "x")
    yield* settle
    return {
      sent,
      texts: remote.texts,
      from: remote.from.map(({ address }) => address),
      local: addressOf(connected.socket.local)
    }
  }),
  expected: { sent: "Success", texts: ["x"], from: ["127.0.0.1"], local: "127.0.0.1" }
}
