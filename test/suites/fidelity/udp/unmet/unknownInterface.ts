import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "an IPv6 group is joined through an interface that does not exist",
  needs: ["ipv6", "lan"],
  run: Effect.fnUntraced(function* ({ a }) {
    const { socket } = yield* open(a, { host: "::" })
    return yield* outcome(socket.join("ff02::71", "%nosuch"))
  }),
  expected: "Success",
  notModelled: {
    behaviour: "joining an IPv6 group through the name of an interface that does not exist",
    linux: "joined on the interface that the system chooses",
    simulation: "`AddressNotAvailable`",
    result: "AddressNotAvailable"
  }
}
