import { assert, describe, it } from "@effect/vitest"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as parse from "../../../src/cli/common/flagParsers.ts"

const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
const prefix = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))

describe("flagParsers", () => {
  it.prop(
    "reads the networks that IpNetwork formats, and refuses prefixes that are too long",
    [Schema.Array(Schema.Tuple([byte, byte, byte, byte, prefix])).check(Schema.isMinLength(1))],
    ([list]) => {
      const text = list.map(([a, b, c, d, length]) => `${a}.${b}.${c}.${d}/${length}`).join(", ")
      const networks = parse.networks(text)
      if (list.some(([, , , , length]) => length > 32)) return assert.isUndefined(networks)
      assert.strictEqual(networks?.length, list.length)
      for (const [at, [a, b, c, d]] of list.entries()) {
        const address = NetAddress.ipFromStringUnsafe(`${a}.${b}.${c}.${d}`)
        assert.isTrue(IpNetwork.contains(networks![at]!, address))
      }
    }
  )

  it("reads a single address as a network of one", () => {
    assert.deepStrictEqual(parse.networks("192.0.2.7,::1")?.map(IpNetwork.format), ["192.0.2.7/32", "::1/128"])
  })

  it.each([[""], [","], ["10.0.0.0/8,"], ["host"], ["10.0.0.0/-1"], ["10.0.0.0/8/8"], ["::1/129"]])(
    "refuses %j as networks",
    (text) => {
      assert.isUndefined(parse.networks(text))
    }
  )

  it.each([
    ["660", 0o660],
    ["0600", 0o600],
    ["777", 0o777],
    ["800", undefined],
    ["66", undefined],
    ["1777", undefined]
  ])("reads %j as the mode of a file", (text, mode) => {
    assert.strictEqual(parse.fileMode(text), mode)
  })

  it.each([
    ["[::1]:80", { host: "::1", port: 80 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["::1:80", undefined],
    ["a:65536", undefined],
    [":80", undefined]
  ])("reads %j as an endpoint", (text, endpoint) => {
    assert.deepStrictEqual(parse.endpoint(text), endpoint)
  })
})
