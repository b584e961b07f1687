import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "the receiver sees the address and the port of the sender, and can reply",
  hosts: "two",
  run: Effect.fnUntraced(function* ({ a, b, settle }) {
    const [one, other] = [yield* open(a), yield* open(b)]
    yield* send(one, "request", b.address, other.port)
    yield* settle
    const { address, port } = other.from[0]!
    yield* send(other, "reply", address, port)
    yield* settle
    return { requests: other.texts, from: address, isPortOfSender: port === one.port, replies: one.texts }
  }),
  expected: { requests: ["request"], from: "a", isPortOfSender: true, replies: ["reply"] }
}
