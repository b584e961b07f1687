import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import { Network } from "../../src/network/Network.ts"
import * as ServiceNames from "../../src/network/names/ServiceNames.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as TcpClient from "../../src/network/TcpClient.ts"
import { addressesOf, makeScriptedNetwork } from "./ScriptedNetwork.ts"

describe("TcpClient", () => {
  const mixed = Arbitrary.array(Arbitrary.schema(Schema.Literals([4, 6])), { minLength: 1, maxLength: 8 })
  it.prop(
    "interleave alternates the families and keeps the order within each",
    [mixed, Schema.Literals([4, 6])],
    ([families, first]) => {
      const addresses = addressesOf(families)
      const familyOf = (address: NetAddress.InetAddress) => (NetAddress.isInetAddressV4(address) ? 4 : 6)
      for (const preferred of [undefined, first] as const) {
        const turns = TcpClient.interleave(addresses, preferred)
        for (const family of [4, 6]) {
          const mine = (all: ReadonlyArray<NetAddress.InetAddress>) =>
            all.filter((address) => familyOf(address) === family)
          assert.deepStrictEqual(mine(turns), mine(addresses))
        }
        const start = families.includes(preferred ?? families[0]!) ? (preferred ?? families[0]!) : families[0]!
        const fewer = Math.min(...[4, 6].map((family) => families.filter((one) => one === family).length))
        for (let i = 0; i < 2 * fewer; i++)
          assert.strictEqual(familyOf(turns[i]!), i % 2 === 0 ? start : start === 4 ? 6 : 4)
      }
    }
  )

  const names = Layer.mergeAll(
    ServiceNames.layerStatic([
      { name: "rot13", aliases: [], port: 1, protocol: "tcp" },
      { name: "tftp", aliases: [], port: 1, protocol: "udp" }
    ]),
    Dns.layerStatic({ hosts: { "svc.test": ["192.0.2.1", "2001:db8::1"], "gone.test": ["192.0.2.1"] } })
  )

  it.effect("connect resolves names, of stream services only", () =>
    Effect.gen(function* () {
      const fake = makeScriptedNetwork([
        { kind: "fails", after: 0 },
        { kind: "answers", after: 0 }
      ])
      const connect = (options: TcpClient.Options) => TcpClient.connect(options).pipe(Effect.provide(fake.layer))
      const connection = yield* connect({ host: "gone.test", service: "rot13" })
      assert.strictEqual(String(connection.remote), "192.0.2.1:1")
      const refused = yield* Effect.flip(connect({ host: "gone.test", service: 0 }))
      assert.strictEqual(refused._tag, "TcpClientError")
      const unknown = yield* Effect.flip(connect({ host: "gone.test", service: "tftp" }))
      assert.strictEqual(unknown._tag, "AddressInfoError")
    }).pipe(Effect.provide(names))
  )

  it.live("connectAny connects to a listener after a refused address", () =>
    Effect.gen(function* () {
      const network = yield* Network
      const closed = yield* Effect.scoped(network.listen({ port: 0 }))
      const listener = yield* network.listen({ port: 0 })
      const [gone, here] = [closed.address, listener.address] as [NetAddress.InetAddress, NetAddress.InetAddress]
      const accepted = yield* Effect.forkChild(listener.accept)
      const connection = yield* TcpClient.connectAny([gone, here])
      assert.strictEqual(String(connection.remote), String(here))
      assert.strictEqual(String((yield* Fiber.join(accepted)).remote), String(connection.local))
      const refused = yield* Effect.flip(TcpClient.connectAny([gone]))
      assert.deepStrictEqual(
        refused.reason.attempts.map(({ error }) => error.reason),
        ["Refused"]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})
