import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket connected to an IPv4-mapped address receives the reply from that address",
  needs: ["ipv6"],
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const remote = yield* open(a)
    const connected = yield* open(a, { host: "::", remote: { address: "::ffff:127.0.0.1", port: remote.port } })
    yield* send(connected, "request")
    yield* settle
    const { address, port } = remote.from[0]!
    yield* send(remote, "reply", address, port)
    yield* settle
    return { from: address, texts: connected.texts, repliesFrom: connected.from.map(({ address }) => address) }
  }),
  expected: { from: "127.0.0.1", texts: ["reply"], repliesFrom: ["::ffff:127.0.0.1"] }
}
