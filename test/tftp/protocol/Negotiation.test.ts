import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Negotiation from "../../../src/tftp/protocol/Negotiation.ts"
import type { Option } from "../../../src/tftp/protocol/Packet.ts"

const policy: Negotiation.Policy = { blksize: 65_464, windowsize: 64, mtu: undefined, family: "IPv4" }
const about: Negotiation.RequestInfo = { kind: "RRQ", mode: "octet", size: 5_000_000_000 }

/** Returns the reply to options, both in the form `name=value`. */
const reply = (asked: string, more: Partial<Negotiation.Policy> = {}, of: Partial<Negotiation.RequestInfo> = {}) =>
  Negotiation.negotiate(parse(asked), { ...policy, ...more }, { ...about, ...of })
    .reply.map((option) => option.join("="))
    .join(" ")
const parse = (text: string) =>
  text
    .split(" ")
    .filter((word) => word !== "")
    .map((word): Option => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)])
const agreed = (asked: string, of: Partial<Negotiation.RequestInfo> = {}) =>
  Negotiation.negotiate(parse(asked), policy, { ...about, ...of }).agreed

const wanted: Negotiation.Wanted = { blksize: 1428, windowsize: 16, timeoutMillis: 3_000, tsize: 0 }
const accepted = (answer: string, of = wanted) => Result.getOrThrow(Negotiation.accept(of, parse(answer)))
const refused = (answer: string, of = wanted) => Result.getOrThrow(Result.flip(Negotiation.accept(of, parse(answer))))

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const names = ["blksize", "windowsize", "timeout", "utimeout", "tsize", "rollover"]
const asked = Arbitrary.array(
  Arbitrary.map(
    Arbitrary.all([
      Arbitrary.schema(Schema.Literals([...names, "BlkSize", "TSIZE", "multicast", "__proto__"])),
      Arbitrary.schema(Schema.Union([Schema.String, int(0, 100_000), int(0, 300_000_000), Schema.Literals(["0", "1"])]))
    ]),
    ([name, value]): Option => [name, `${value}`]
  ),
  { maxLength: 8 }
)
const policies = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(int(8, 65_464)),
    Arbitrary.schema(int(1, 70_000)),
    Arbitrary.schema(Schema.Union([Schema.Undefined, int(0, 70_000)])),
    Arbitrary.schema(Schema.Literals(["IPv4", "IPv6"]))
  ]),
  ([blksize, windowsize, mtu, family]): Negotiation.Policy => ({ blksize, windowsize, mtu, family })
)
const abouts = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(Schema.Literals(["RRQ", "WRQ"])),
    Arbitrary.schema(Schema.Literals(["octet", "netascii"])),
    Arbitrary.schema(Schema.Union([Schema.Undefined, int(0, 9_000_000)]))
  ]),
  ([kind, mode, size]): Negotiation.RequestInfo => ({ kind, mode, size })
)
const wants = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(Schema.Union([Schema.Undefined, int(8, 65_464)])),
    Arbitrary.schema(Schema.Union([Schema.Undefined, int(1, 32_767)])),
    Arbitrary.schema(Schema.Union([Schema.Undefined, int(10, 255_000), Schema.Literals([1_000, 255_000])])),
    Arbitrary.schema(Schema.Union([Schema.Undefined, int(0, 9_000_000)])),
    Arbitrary.schema(Schema.Union([Schema.Undefined, Schema.Literals([0, 1])]))
  ]),
  ([blksize, windowsize, interval, tsize, rollover]): Negotiation.Wanted => ({
    blksize,
    windowsize,
    timeoutMillis: interval,
    tsize,
    rollover
  })
)

describe("Negotiation.negotiate", () => {
  it("ignores refused options in any case, and grants the default in their place", () => {
    const refuse = ["blksize", "tsize"]
    assert.strictEqual(reply("BlkSize=1428 windowsize=4 TSIZE=0", { refuse }), "windowsize=4")
    assert.strictEqual(Negotiation.negotiate(parse("blksize=9"), { ...policy, refuse }, about).agreed.blksize, 512)
  })

  for (const [what, request, answer] of [
    ["confirms only requested options", "blksize=1428", "blksize=1428"],
    [
      "confirms in the order of the request",
      "windowsize=4 tsize=0 blksize=8",
      "windowsize=4 tsize=5000000000 blksize=8"
    ],
    ["omits unknown options", "multicast= blksize=512 x=1 blksize2=1024", "blksize=512"],
    ["returns no options for unknown ones", "multicast= saveFiles=1", ""],
    ["accepts names in any case and repeats their spelling", "BLKSIZE=1024 TSize=0", "BLKSIZE=1024 TSize=5000000000"],
    ["takes the first of a repeated option", "blksize=600 BLKSIZE=700", "blksize=600"],
    ["takes the first of a repeated option even if it is invalid", "blksize=abc blksize=700", ""],
    ["returns a size above 4 GiB for tsize=0", "tsize=0", "tsize=5000000000"],
    ["confirms a timeout from 1 to 255", "timeout=1", "timeout=1"],
    ["confirms a timeout from 1 to 255", "timeout=255", "timeout=255"],
    ["omits a timeout of 0 or 256", "timeout=0", ""],
    ["omits a timeout of 0 or 256", "timeout=256", ""],
    ["confirms a utimeout from 10000 to 255000000", "utimeout=10000", "utimeout=10000"],
    ["confirms a utimeout from 10000 to 255000000", "utimeout=255000000", "utimeout=255000000"],
    ["omits a utimeout out of range", "utimeout=9999", ""],
    ["omits a utimeout out of range", "utimeout=255000001", ""],
    ["confirms only the first of timeout and utimeout", "timeout=3 utimeout=50000", "timeout=3"],
    ["grants the requested window", "windowsize=4", "windowsize=4"],
    ["reduces a window to the limit", "windowsize=65535", "windowsize=64"],
    ["reduces a window to the limit", "windowsize=65536", "windowsize=64"],
    ["omits a window of 0", "windowsize=0", ""],
    ["confirms the rollover", "rollover=1", "rollover=1"],
    ["confirms the rollover", "rollover=0", "rollover=0"],
    ["omits a rollover to 2", "rollover=2", ""]
  ] as const) {
    it(`${what}: ${request}`, () => assert.strictEqual(reply(request), answer))
  }

  for (const size of ["8", "512", "65464"]) {
    it(`grants a blksize of ${size}`, () => {
      assert.strictEqual(reply(`blksize=${size}`), `blksize=${size}`)
      assert.strictEqual(agreed(`blksize=${size}`).blksize, Number(size))
    })
  }
  for (const size of ["65465", "70000", "99999999999999999999"]) {
    it(`reduces a blksize of ${size}`, () => {
      assert.strictEqual(reply(`blksize=${size}`), "blksize=65464")
      assert.strictEqual(reply(`blksize=${size}`, { blksize: 1_428 }), "blksize=1428")
    })
  }
  for (const size of ["7", "0", "abc", "-1", "1e3", "", " 512", "+512", "512.0", "0x200", "五", "1".repeat(21)]) {
    it(`ignores a blksize of ${JSON.stringify(size)}`, () => {
      const { agreed, reply } = Negotiation.negotiate([["blksize", size]], policy, about)
      assert.deepStrictEqual(reply, [])
      assert.deepStrictEqual(agreed, Negotiation.defaults)
    })
  }

  for (const [family, mtu, most] of [
    ["IPv4", 1_500, 1_468],
    ["IPv6", 1_500, 1_448],
    ["IPv4", 9_000, 8_968],
    ["IPv4", 20, 8]
  ] as const) {
    it(`grants a block that fits into an MTU of ${mtu} bytes over ${family}`, () => {
      assert.strictEqual(reply("blksize=65464", { mtu, family }), `blksize=${most}`)
      assert.strictEqual(reply("blksize=65464", { mtu, family, blksize: 8 }), "blksize=8")
      assert.strictEqual(reply("blksize=8", { mtu, family }), "blksize=8")
    })
  }

  for (const [what, of] of [
    ["an empty file, which makes curl fail", { size: 0 }],
    ["netascii", { mode: "netascii" }],
    ["an unknown size", { size: undefined }]
  ] as const) {
    it(`omits tsize for ${what}`, () => assert.strictEqual(reply("tsize=0", {}, of), ""))
  }

  it("confirms the tsize of an upload, also of an empty one", () => {
    for (const mode of ["octet", "netascii"] as const) {
      for (const size of ["0", "99999999999999", "9007199254740991"]) {
        assert.strictEqual(reply(`tsize=${size}`, {}, { kind: "WRQ", mode, size: undefined }), `tsize=${size}`)
      }
    }
    assert.strictEqual(reply("tsize=9007199254740992", {}, { kind: "WRQ" }), "")
    assert.strictEqual(agreed("tsize=7", { kind: "WRQ" }).tsize, 7)
    assert.isUndefined(agreed("tsize=7", { kind: "WRQ", mode: "netascii" }).tsize)
  })

  it("converts timeout and utimeout to milliseconds", () => {
    assert.strictEqual(agreed("timeout=3").timeoutMillis, 3_000)
    assert.strictEqual(agreed("utimeout=12345").timeoutMillis, 12.345)
  })

  it("limits the window to 32767, so that old and new block numbers differ", () =>
    assert.strictEqual(reply("windowsize=65535", { windowsize: 65_535 }), "windowsize=32767"))

  for (const request of ["blksize=1428 windowsize=64", "windowsize=64 blksize=1428"]) {
    it(`grants an upload the window that fits into the socket buffer, in any order: ${request}`, () => {
      const window = /windowsize=(\d+)/
      const limits = { receiveBuffer: 20_000 }
      assert.strictEqual(window.exec(reply(request, limits, { kind: "WRQ" }))?.[1], "8")
      assert.strictEqual(window.exec(reply(request, limits, { kind: "RRQ" }))?.[1], "64")
      assert.strictEqual(window.exec(reply(request, { receiveBuffer: 1 }, { kind: "WRQ" }))?.[1], "1")
    })
  }

  it.prop(
    "never throws, and confirms each requested option at most once, with the agreed value",
    [asked, policies, abouts],
    ([asked, policy, about]) => {
      const { agreed, reply } = Negotiation.negotiate(asked, policy, about)
      const confirmed = new Map(reply.map(([name, value]) => [name.toLowerCase(), Number(value)]))
      assert.strictEqual(confirmed.size, reply.length)
      for (const [name, value] of reply) {
        assert.include(names, name.toLowerCase())
        assert.include(
          asked.map(([name]) => name),
          name
        )
        assert.match(value, /^\d+$/)
      }
      assert.isAtLeast(agreed.blksize, 8)
      if (confirmed.has("blksize")) assert.isAtMost(agreed.blksize, policy.blksize)
      assert.strictEqual(agreed.blksize, confirmed.get("blksize") ?? 512)
      assert.strictEqual(agreed.windowsize, confirmed.get("windowsize") ?? 1)
      assert.isAtMost(agreed.windowsize, Math.min(policy.windowsize, 32_767))
      assert.strictEqual(agreed.rollover, confirmed.get("rollover") ?? 0)
      assert.strictEqual(agreed.timeoutMillis !== undefined, confirmed.has("timeout") || confirmed.has("utimeout"))
    }
  )

  it.prop(
    "returns a reply that the client accepts with the same result",
    [wants, policies, abouts],
    ([wanted, policy, about]) => {
      const { agreed, reply } = Negotiation.negotiate(Negotiation.requestOptions(wanted), policy, about)
      const ours = Result.getOrThrow(Negotiation.accept(wanted, reply))
      assert.deepEqual({ ...ours, tsize: 0 }, { ...agreed, tsize: 0 })
      if (about.kind === "RRQ" && about.mode === "octet" && wanted.tsize === 0) {
        assert.strictEqual(ours.tsize, about.size || undefined)
      }
    }
  )
})

describe("Negotiation.requestOptions", () => {
  it("requests only the wanted options", () => {
    assert.deepEqual(Negotiation.requestOptions({}), [])
    assert.deepEqual(Negotiation.requestOptions(wanted), parse("tsize=0 blksize=1428 timeout=3 windowsize=16"))
    assert.deepEqual(
      Negotiation.requestOptions({ timeoutMillis: 250, rollover: 1 }),
      parse("utimeout=250000 rollover=1")
    )
  })

  it("clamps values to their ranges", () => {
    const over = { blksize: 70_000, windowsize: 65_535, timeoutMillis: 1e9, tsize: 2 ** 60 }
    const most = "tsize=9007199254740991 blksize=65464 timeout=255 windowsize=32767"
    assert.deepEqual(Negotiation.requestOptions(over), parse(most))
    const under = { blksize: 1, windowsize: 0, timeoutMillis: 0, tsize: -1 }
    assert.deepEqual(Negotiation.requestOptions(under), parse("tsize=0 blksize=8 utimeout=10000 windowsize=1"))
  })
})

describe("Negotiation.accept", () => {
  it("accepts smaller sizes, and uses defaults for missing options", () => {
    assert.deepStrictEqual(accepted(""), Negotiation.defaults)
    assert.deepStrictEqual(accepted("BLKSIZE=1024 windowsize=1 timeout=3 tsize=42"), {
      blksize: 1024,
      windowsize: 1,
      rollover: 0,
      timeoutMillis: 3_000,
      tsize: 42
    })
  })

  for (const [what, answer, reason] of [
    ["an option that was not requested", "rollover=1", "Unrequested"],
    ["an unknown option", "x=1", "Unrequested"],
    ["utimeout in reply to timeout", "utimeout=3000000", "Unrequested"],
    ["a larger blksize", "blksize=1429", "TooLarge"],
    ["a blksize of 65536", "blksize=65536", "TooLarge"],
    ["a larger windowsize", "windowsize=17", "TooLarge"],
    ["a blksize below 8", "blksize=7", "Invalid"],
    ["a windowsize of 0", "windowsize=0", "Invalid"],
    ["another timeout", "timeout=4", "Changed"],
    ["a negative size", "tsize=-2147483648", "Invalid"],
    ["a value that is not a number", "blksize=abc", "Invalid"],
    ["a larger blksize in a repeated option", "blksize=512 blksize=65464", "TooLarge"]
  ] as const) {
    it(`rejects ${what} with ERROR 8`, () => {
      const error = refused(answer)
      assert.strictEqual(error.reason, reason)
      assert.strictEqual(error.code, 8)
      assert.include(error.message, parse(answer).at(-1)!.join("="))
    })
  }

  it("rejects another rollover", () => assert.strictEqual(refused("rollover=0", { rollover: 1 }).reason, "Changed"))

  it("keeps the size of an upload if the server returns another", () => {
    const upload = { tsize: 99_999_999_999_999 }
    assert.strictEqual(accepted("tsize=276447231", upload).tsize, upload.tsize)
  })

  it("ignores an echoed tsize=0", () => assert.isUndefined(accepted("tsize=0").tsize))

  it("takes the first of two values for one option", () =>
    assert.strictEqual(accepted("blksize=512 BLKSIZE=1024").blksize, 512))

  it("escapes control characters in the message", () =>
    assert.notMatch(Result.getOrThrow(Result.flip(Negotiation.accept({}, [["\x1b[2J", "\n"]]))).message, /\p{Cc}/u))

  it.prop("never throws, and never agrees on more than was requested", [wants, asked], ([wanted, reply]) => {
    const result = Negotiation.accept(wanted, reply)
    if (Result.isFailure(result)) return
    assert.isAtMost(result.success.blksize, Math.max(512, wanted.blksize ?? 0))
    assert.isAtMost(result.success.windowsize, wanted.windowsize ?? 1)
  })
})
