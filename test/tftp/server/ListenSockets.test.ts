import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../src/network/Network.ts"
import * as ListenSockets from "../../../src/tftp/server/ListenSockets.ts"

/** A network whose sockets have this address, whatever a program asks for: systemd has bound them. */
const inherited = (host: string) =>
  Network.Network.of({
    ...({} as Network.Network["Service"]),
    udp: () =>
      Effect.succeed({
        ...({} as Network.UdpSocket),
        local: NetAddress.inetAddressFromIpStringUnsafe(host, 69) as NetAddress.InetAddress
      })
  })

describe("ListenSockets", () => {
  it.effect.each([
    ["127.0.0.1", "::", "::"],
    ["127.0.0.1", "192.0.2.1", "192.0.2.1"],
    ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
    ["fe80::1%lo", "fe80::1", "fe80::1%lo"]
  ] as const)("a socket asked for on %s that is bound to %s has transfers from %s", ([requested, bound, expected]) =>
    Effect.gen(function* () {
      const [{ host }] = yield* Effect.provideService(
        ListenSockets.open(requested, 69, () => {}),
        Network.Network,
        inherited(bound)
      )
      assert.strictEqual(host, expected)
    }).pipe(Effect.scoped)
  )
})
