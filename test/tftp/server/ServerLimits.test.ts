import { assert, describe, it } from "@effect/vitest"
import * as ServerConfig from "../../../src/network/ServerConfig.ts"
import * as ServerLimits from "../../../src/tftp/server/ServerLimits.ts"

describe("ServerLimits", () => {
  const permits = (address: string, allow?: string, deny?: string) =>
    ServerLimits.permits(
      ServerLimits.make(
        {
          allow: allow === undefined ? undefined : ServerConfig.parseNetworks(allow),
          deny: deny === undefined ? undefined : ServerConfig.parseNetworks(deny)
        },
        1
      ),
      { address, port: 2_000 }
    )

  it("permits all clients by default", () => {
    assert.isTrue(permits("192.0.2.7"))
    assert.isTrue(permits("fe80::1%eth0"))
  })

  it("compares the canonical address, without its zone", () => {
    assert.isTrue(permits("::ffff:192.0.2.7", "192.0.2.0/24"))
    assert.isTrue(permits("fe80::1%eth0", "fe80::/10"))
    assert.isFalse(permits("fe80::1%eth0", "192.0.2.0/24"))
  })

  it("lets deny win over allow", () => {
    assert.isFalse(permits("192.0.2.7", "192.0.2.0/24", "192.0.2.7"))
    assert.isTrue(permits("192.0.2.8", "192.0.2.0/24", "192.0.2.7"))
  })

  it("has the defaults of the guide", () => {
    assert.deepStrictEqual(ServerLimits.make({ refuse: ["TSize"] }, 100), {
      policy: { blksize: 65_464, windowsize: 64, mtu: undefined, refuse: ["tsize"] },
      allow: undefined,
      deny: [],
      timeoutMillis: undefined,
      retries: undefined,
      maxUnvalidatedPackets: 3,
      maxTransfers: 100,
      maxTransfersPerClient: Number.POSITIVE_INFINITY,
      deadlineMillis: 86_400_000,
      drainMillis: 5_000
    })
  })
})
