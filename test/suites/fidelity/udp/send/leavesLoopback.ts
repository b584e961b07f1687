import * as Effect from "effect/Effect"
import * as IpInterface from "effect/net/IpInterface"
import type { Scenario } from "../../Fidelity.ts"
import { open, send } from "../../Inbox.ts"

export const scenario: Scenario = {
  name: "a socket on 127.0.0.1 cannot send to another host",
  needs: ["lan"],
  run: Effect.fnUntraced(function* ({ a }) {
    const interfaces = yield* a.network.interfaces
    const lan = interfaces.find(
      ({ address, loopback }) => !loopback && address.prefixLength < 31 && !IpInterface.format(address).includes(":")
    )
    const own = IpInterface.format(lan!.address).split("/")[0]!
    const neighbor = own.replace(/\d+$/, (last) => (last === "77" ? "78" : "77"))
    return [yield* send(yield* open(a), "x", neighbor, 9), yield* send(yield* open(a), "x", own, 9)]
  }),
  expected: ["InvalidAddress", "Success"]
}
