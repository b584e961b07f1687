import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as HostRange from "../../../src/inspect/scan/HostRange.ts"

const addresses = (text: string) => {
  const range = Result.getOrThrow(HostRange.parse(text))
  return range._tag === "Addresses" ? range.addresses : [range.name]
}
const failure = (text: string) =>
  Result.match(HostRange.parse(text), { onFailure: (message) => message, onSuccess: ({ _tag }) => _tag })

describe("HostRange", () => {
  it("reads addresses, networks and names", () => {
    assert.deepStrictEqual(addresses("10.1.2.3"), ["10.1.2.3"])
    assert.deepStrictEqual(addresses("fe80::1%eth0"), ["fe80::1%eth0"])
    assert.deepStrictEqual(addresses("www.example.org"), ["www.example.org"])
    assert.deepStrictEqual(addresses("10.0.0.77/30"), ["10.0.0.77", "10.0.0.78"])
    assert.deepStrictEqual(addresses("10.0.0.9/31"), ["10.0.0.8", "10.0.0.9"])
    assert.deepStrictEqual(addresses("10.0.0.9/32"), ["10.0.0.9"])
    assert.deepStrictEqual(addresses("2001:db8::fffe/126"), [
      "2001:db8::fffc",
      "2001:db8::fffd",
      "2001:db8::fffe",
      "2001:db8::ffff"
    ])
    assert.strictEqual(addresses("10.0.0.0/20").length, 4_094)
    assert.strictEqual(addresses("::ffff:10.0.0.1/128").length, 1)
  })

  it.each([
    [
      "10.0.0.0/8",
      'network "10.0.0.0/8" too large: it has 16777216 addresses (limit 4096); use a prefix of 20 or more'
    ],
    ["::/0", 'network "::/0" too large'],
    ["10.0.0.0/33", 'invalid network "10.0.0.0/33": the prefix is 33 (0 to 32)'],
    ["10.0.0.0/x", 'invalid network "10.0.0.0/x": must be an address and a prefix'],
    ["10.0.0/28", 'invalid network "10.0.0/28"'],
    ["host/28", 'invalid network "host/28"'],
    ["", 'invalid host ""'],
    ["a b", 'invalid host "a b"']
  ])("refuses %j in one line", (text, expected) => {
    const message = failure(text)
    assert.isTrue(message.startsWith(expected), message)
  })

  it.prop("returns hosts or a line for any text", [Schema.String], ([text]) => {
    assert.notMatch(failure(text), /\n/)
  })
})
