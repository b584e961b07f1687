import { assert, describe, it } from "@effect/vitest"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as AccessList from "../../../src/network/server/AccessList.ts"

const networks = (...texts: ReadonlyArray<string>) => texts.map(IpNetwork.fromStringUnsafe)
const client = (ip: string) => NetAddress.inetAddressFromIpStringUnsafe(ip, 5_000)

describe("AccessList.permits", () => {
  it.each([
    ["192.0.2.7", undefined, [], true],
    ["192.0.2.7", ["192.0.2.0/24"], [], true],
    ["192.0.3.7", ["192.0.2.0/24"], [], false],
    ["192.0.3.7", [], [], false],
    ["192.0.2.7", undefined, ["192.0.2.0/24"], false],
    ["192.0.3.7", undefined, ["192.0.2.0/24"], true],
    ["192.0.2.7", ["192.0.2.0/24"], ["192.0.2.7/32"], false],
    ["192.0.2.8", ["192.0.2.0/24"], ["192.0.2.7/32"], true],
    ["::ffff:192.0.2.7", ["192.0.2.0/24"], [], true],
    ["::ffff:192.0.2.7", undefined, ["192.0.2.0/24"], false],
    ["2001:db8::1", ["192.0.2.0/24"], [], false],
    ["2001:db8::1", ["192.0.2.0/24", "2001:db8::/32"], [], true]
  ] as const)("%s with allow %j and deny %j: %s", (ip, allow, deny, expected) => {
    const list = { allow: allow === undefined ? undefined : networks(...allow), deny: networks(...deny) }
    assert.strictEqual(AccessList.permits(list, client(ip)), expected)
  })

  it("permits the clients of a unix socket", () => {
    assert.isTrue(AccessList.permits({ allow: [], deny: [] }, NetAddress.unixPathAddress("/run/x")))
  })
})
