import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { connectableHost, explainListenError } from "../../../../src/cli/run/common/serverMessages.ts"
import * as Network from "../../../../src/network/Network.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 69)

describe("serverMessages", () => {
  it.effect.each([
    [
      "PermissionDenied",
      69,
      "tftp: port 69 is reserved for root: run as root, or setcap cap_net_bind_service=+ep on node, or choose another port with --port"
    ],
    ["PermissionDenied", 6969, "tftp: 127.0.0.1:69: permission denied"],
    ["AddressInUse", 1, "tftp: UDP port 1 is in use; choose another port with --port"],
    ["AddressNotAvailable", 69, "tftp: 127.0.0.1:69: not an address of this host"]
  ] as const)("explains %s of port %s", ([reason, port, message]) =>
    Effect.gen(function* () {
      const error = new Network.NetworkError({ reason, address })
      const explained = yield* Effect.flip(explainListenError("tftp", port, "--port", "udp")(error))
      assert.strictEqual(explained.message, message)
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect.each([
    ["0.0.0.0", "127.0.0.1"],
    ["::", "::1"],
    ["192.0.2.1", "192.0.2.1"]
  ] as const)("reaches a server on %s at %s", ([host, reached]) =>
    Effect.sync(() => {
      const listening = NetAddress.inetAddressFromIpStringUnsafe(host, 1067)
      assert.strictEqual(connectableHost(listening as NetAddress.InetAddress), reached)
    })
  )
})
