import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as AddressOrder from "../../../src/network/names/AddressOrder.ts"

const ip = NetAddress.ipFromStringUnsafe
const candidate = (destination: string, source?: string, more: Partial<AddressOrder.Candidate> = {}) => ({
  destination: ip(destination),
  source: source === undefined ? undefined : ip(source),
  ...more
})
const order = (candidates: ReadonlyArray<AddressOrder.Candidate>, options?: AddressOrder.Options) =>
  AddressOrder.sort(candidates, options).map(({ destination }) => NetAddress.formatIp(destination))

/**
 * Examples after RFC 6724, section 10.2, one or more for each rule: the deciding rule, the better candidate, the worse
 * one.
 */
const examples: ReadonlyArray<readonly [string, AddressOrder.Candidate, AddressOrder.Candidate]> = [
  ["scope", candidate("2001:db8:1::1", "2001:db8:1::2"), candidate("198.51.100.121", "169.254.13.78")],
  ["scope", candidate("198.51.100.121", "198.51.100.117"), candidate("2001:db8:1::1", "fe80::1")],
  ["precedence", candidate("2001:db8:1::1", "2001:db8:1::2"), candidate("10.1.2.3", "10.1.2.4")],
  ["smaller scope", candidate("fe80::1", "fe80::2"), candidate("2001:db8:1::1", "2001:db8:1::2")],
  ["deprecated", candidate("2001:db8:1::1", "2001:db8:1::2"), candidate("fe80::1", "fe80::2", { deprecated: true })],
  ["prefix", candidate("2001:db8:1::1", "2001:db8:1::2"), candidate("2001:db8:3ffe::1", "2001:db8:3f44::2")],
  ["label", candidate("2002:c633:6401::1", "2002:c633:6401::2"), candidate("2001:db8:1::1", "2002:c633:6401::2")],
  ["precedence", candidate("2001:db8:1::1", "2001:db8:1::2"), candidate("2002:c633:6401::1", "2002:c633:6401::2")],
  ["no route", candidate("10.1.2.3", "10.1.2.4"), candidate("2001:db8:1::1")],
  ["unique local", candidate("10.1.2.3", "10.1.2.4"), candidate("fd00::1", "fd00::2")],
  ["loopback", candidate("::1", "::1"), candidate("127.0.0.1", "127.0.0.1")],
  ["multicast scope", candidate("ff02::1", "fe80::2"), candidate("ff0e::1", "2001:db8:1::2")]
]

const anyAddress = Arbitrary.schema(
  Schema.Literals([
    "::1",
    "127.0.0.1",
    "10.1.2.3",
    "10.1.9.9",
    "169.254.1.1",
    "203.0.113.5",
    "2001:db8:1::1",
    "2001:db8:9::1",
    "2002:a01:203::1"
  ])
)
const Maybe = Schema.UndefinedOr(Schema.Literals([8, 24, 48, 64]))
const anyCandidate = Arbitrary.map(
  Arbitrary.all([
    anyAddress,
    anyAddress,
    Arbitrary.schema(Schema.Boolean),
    Arbitrary.schema(Schema.Boolean),
    Arbitrary.schema(Maybe)
  ]),
  ([destination, source, reachable, deprecated, prefixLength]) =>
    candidate(destination, reachable && source.includes(":") === destination.includes(":") ? source : undefined, {
      deprecated,
      prefixLength
    })
)
const someCandidates = Arbitrary.array(anyCandidate, { maxLength: 7 })

describe("AddressOrder", () => {
  for (const [rule, better, worse] of examples) {
    const [first, second] = [NetAddress.formatIp(better.destination), NetAddress.formatIp(worse.destination)]
    it(`RFC 6724: ${first} before ${second} (${rule})`, () => {
      assert.deepStrictEqual(order([better, worse]), [first, second])
      assert.deepStrictEqual(order([worse, better]), [first, second])
    })
  }

  it("keeps the order of candidates that the rules do not distinguish", () => {
    const lan = [candidate("2001:db8:1::9", "2001:db8:1::2"), candidate("2001:db8:1::3", "2001:db8:1::2")]
    assert.deepStrictEqual(order(lan), ["2001:db8:1::9", "2001:db8:1::3"])
    assert.deepStrictEqual(order(lan, { beyondSubnet: true }), ["2001:db8:1::3", "2001:db8:1::9"])
    const roundRobin = [
      candidate("203.0.113.1", "10.0.0.1", { prefixLength: 24 }),
      candidate("10.200.0.1", "10.0.0.1", { prefixLength: 24 })
    ]
    assert.deepStrictEqual(order(roundRobin), ["203.0.113.1", "10.200.0.1"])
  })

  it("prefers the source's own subnet, for IPv4 too", () => {
    const near = candidate("10.0.0.7", "10.0.0.1", { prefixLength: 24 })
    assert.deepStrictEqual(order([candidate("10.0.1.7", "10.0.0.1", { prefixLength: 24 }), near]), [
      "10.0.0.7",
      "10.0.1.7"
    ])
  })

  it("applies another policy table, as in RFC 6724, section 10.3", () => {
    const policy = AddressOrder.rfc6724.map((row) =>
      row.prefix === "::ffff:0:0/96" ? { ...row, precedence: 100 } : row
    )
    const both = [candidate("2001:db8:1::1", "2001:db8:1::2"), candidate("10.1.2.3", "10.1.2.4")]
    assert.deepStrictEqual(order(both, { policy }), ["10.1.2.3", "2001:db8:1::1"])
    assert.deepStrictEqual(order(both, { policy: [] }), ["2001:db8:1::1", "10.1.2.3"])
  })

  it.prop("returns a permutation that sorting again does not change", [someCandidates], ([candidates]) => {
    const sorted = AddressOrder.sort(candidates)
    assert.isTrue(candidates.every((each) => sorted.includes(each)))
    assert.strictEqual(sorted.length, candidates.length)
    assert.deepStrictEqual(AddressOrder.sort(sorted), sorted)
  })

  it.prop("sorts any two candidates independently of the others", [someCandidates], ([candidates]) => {
    const sorted = AddressOrder.sort(candidates)
    for (const [i, one] of sorted.entries()) {
      for (const other of sorted.slice(i + 1)) {
        const asGiven = candidates.filter((each) => each === one || each === other)
        assert.deepStrictEqual(AddressOrder.sort(asGiven), asGiven.length === 2 ? [one, other] : asGiven)
      }
    }
  })
})
