import { syncBuiltinESMExports } from "node:module"
import Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../src/network/Network.ts"
import * as NodeErrors from "../../../src/network/node/NodeErrors.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"

/** Lets the read of the interfaces fail until the scope closes, as it does without a free descriptor. */
const withoutInterfaces = Effect.acquireRelease(
  Effect.sync(() => {
    const { networkInterfaces } = Os
    Os.networkInterfaces = () => {
      throw new Error("uv_interface_addresses returned Unknown system error 24")
    }
    syncBuiltinESMExports()
    return networkInterfaces
  }),
  (networkInterfaces) =>
    Effect.sync(() => {
      Os.networkInterfaces = networkInterfaces
      syncBuiltinESMExports()
    })
)

describe("without a free descriptor", () => {
  it.effect("an address without a zone is parsed", () =>
    Effect.gen(function* () {
      yield* withoutInterfaces
      for (const host of ["127.0.0.1", "::1"]) {
        assert.strictEqual(NetAddress.formatHost(yield* NodeErrors.parseAddress(host, 7)), host)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("the interfaces are those of the last look", () =>
    Effect.gen(function* () {
      const { interfaces } = yield* Network.Network
      const before = yield* interfaces
      yield* withoutInterfaces
      assert.deepStrictEqual(yield* interfaces, before)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})
