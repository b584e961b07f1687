import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as NodeReservedListener from "../../../src/network/node/NodeReservedListener.ts"
import * as Handles from "../../support/Handles.ts"

const { NodeReservedListener: Reserved } = NodeReservedListener

const test = (name: string, body: Effect.Effect<void, unknown, Network.Network | Scope.Scope>) =>
  it.live(name, () => Handles.assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))))

const portOf = ({ address }: Network.Listener) => (address as NetAddress.InetAddress).port

describe("NodeReservedListener", () => {
  test(
    "listen returns the reserved socket once, for its address, also from another NodeNetwork",
    Effect.gen(function* () {
      const reserved = yield* NodeReservedListener.reserve({ port: 0 })
      const port = portOf(reserved.listener)
      const listen = (options: Network.ListenOptions) =>
        Effect.flatMap(Network.Network, (network) => network.listen(options)).pipe(
          Effect.provide(Layer.fresh(NodeNetwork.layer))
        )
      const program = Effect.gen(function* () {
        assert.notStrictEqual(portOf(yield* listen({ host: "127.0.0.2", port: 0 })), port)
        assert.strictEqual(portOf(yield* listen({ host: "127.0.0.1", port: 0 })), port)
        assert.notStrictEqual(portOf(yield* listen({ port: 0 })), port)
      })
      yield* Effect.provideService(program, Reserved, reserved)
    })
  )

  test(
    "the reserved socket accepts, and closes with the scope of its server",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const reserved = yield* NodeReservedListener.reserve({ port: 0 })
      const { address } = reserved.listener
      yield* Effect.scoped(
        Effect.gen(function* () {
          const listener = yield* Effect.provideService(network.listen({ port: 0 }), Reserved, reserved)
          yield* network.connect(address)
          yield* listener.accept
        })
      )
      assert.strictEqual((yield* Effect.flip(network.connect(address))).reason, "Refused")
    })
  )

  test(
    "the reserved socket closes with the scope of the reservation if no server listens",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const { listener } = yield* Effect.scoped(NodeReservedListener.reserve({ port: 0 }))
      assert.strictEqual((yield* Effect.flip(network.connect(listener.address))).reason, "Refused")
    })
  )

  test(
    "reserve fails if the address is in use",
    Effect.gen(function* () {
      const port = portOf((yield* NodeReservedListener.reserve({ port: 0 })).listener)
      assert.strictEqual((yield* Effect.flip(NodeReservedListener.reserve({ port }))).reason, "AddressInUse")
    })
  )
})
