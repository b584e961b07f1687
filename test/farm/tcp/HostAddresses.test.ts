import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as NetAddress from "effect/net/NetAddress"
import * as HostAddresses from "../../../src/farm/tcp/HostAddresses.ts"

const targetsOf = (...addresses: Arr.NonEmptyReadonlyArray<string>) =>
  HostAddresses.targetsOf(
    "lab",
    Arr.map(addresses, (address) => NetAddress.inetAddressFromIpStringUnsafe(address, 1_070))
  ).map(({ address, host }) => (address === host ? address : `${address} by ${host}`))

describe("HostAddresses", () => {
  it("takes each IPv4 address of a name for a host, and IPv6 addresses for other ways to the same ones", () => {
    assert.deepStrictEqual(targetsOf("10.0.0.1"), ["10.0.0.1"])
    assert.deepStrictEqual(targetsOf("10.0.0.1", "10.0.0.2", "10.0.0.1"), ["10.0.0.1", "10.0.0.2"])
    assert.deepStrictEqual(targetsOf("fd00::1", "2001:db8::1", "10.0.0.1"), ["10.0.0.1 by lab"])
    assert.deepStrictEqual(targetsOf("fd00::2", "10.0.0.2", "fd00::1", "10.0.0.1"), ["10.0.0.2", "10.0.0.1"])
    assert.deepStrictEqual(targetsOf("fd00::2", "fd00::1"), ["fd00::2", "fd00::1"])
  })

  it("tells literals from names", () => {
    const isLiteral = (host: string) => HostAddresses.isLiteral({ host, service: 1_070 })
    assert.deepStrictEqual(["127.0.0.1", "::1", "fe80::1%eth0", "lab", "1.example"].map(isLiteral), [
      ...[true, true, true, false, false]
    ])
  })
})
