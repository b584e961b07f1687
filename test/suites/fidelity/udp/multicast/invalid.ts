import * as Effect from "effect/Effect"
import type { Scenario } from "../../Fidelity.ts"
import { type Inbox, open, outcome } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "only a group of the same family can be joined, through an own interface",
  needs: ["multicast", "ipv6"],
  run: Effect.fnUntraced(function* ({ a }) {
    const [ipv4, ipv6] = [yield* open(a, { host: "0.0.0.0" }), yield* open(a, { host: "::" })]
    const join = (inbox: Inbox, group: string, through?: string) =>
      outcome(Effect.scoped(inbox.socket.join(group, through)))
    return {
      unicast: yield* join(ipv4, "127.0.0.1"),
      name: yield* join(ipv4, "localhost"),
      ipv6OnIpv4: yield* join(ipv4, "ff02::71"),
      ipv4OnIpv6: yield* join(ipv6, "239.255.71.26"),
      noInterface: yield* join(ipv4, "239.255.71.26", "198.51.100.1")
    }
  }),
  expected: {
    unicast: "InvalidAddress",
    name: "InvalidAddress",
    ipv6OnIpv4: "InvalidAddress",
    ipv4OnIpv6: "Success",
    noInterface: "AddressNotAvailable"
  }
}
