import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { CapturedPacket } from "../../../src/capture/CaptureReader.ts"
import * as DisplayFilter from "../../../src/capture/filter/DisplayFilter.ts"
import * as Traffic from "../dissect/Traffic.ts"
import * as FilterArbitrary from "./FilterArbitrary.ts"
import * as FilterModel from "./FilterModel.ts"

const parse = (text: string) => Result.getOrThrow(DisplayFilter.parse(text))
const messageOf = (text: string) => Result.getOrThrow(Result.flip(DisplayFilter.parse(text))).message

const packet = (change: Partial<CapturedPacket> = {}): CapturedPacket => ({
  protocol: "TCP",
  from: { address: "10.0.0.1", port: 4_000 },
  to: { address: "10.1.0.2", port: 80 },
  tcp: { seq: 7, ack: 9, flags: 0x12, window: 512, options: new Uint8Array(4) },
  payload: new TextEncoder().encode("GET /index.html"),
  problems: [],
  notes: ["truncated by the snap length"],
  layers: ["eth", "ip", "tcp"],
  hopLimit: 64,
  headerLength: 58,
  number: 5,
  at: 2_500_000_000n,
  host: "eth0",
  originalLength: 73,
  capturedLength: 73,
  comments: ["drop"],
  ...change
})

const ipv6 = packet({ from: { address: "2001:db8::1", port: 53 }, to: { address: "fe80::1", port: 69 } })
const udp = packet({ ...ipv6, protocol: "UDP", tcp: undefined, layers: ["ipv6", "udp"], payload: new Uint8Array(4) })

const trueOf: ReadonlyArray<readonly [filter: string, of: CapturedPacket]> = [
  ["tcp", packet()],
  ["frame", udp],
  ["ip.addr == 10.0.0.1 and ip.addr == 10.1.0.0/16", packet()],
  ["ip.src == 10.0.0.0/8 && !(ip.dst == 10.0.0.0/16)", packet()],
  ["not ipv6 and not udp", packet()],
  ["ip.addr != 10.0.0.3", packet()],
  ["tcp.port == 80 and tcp.port == 4000 and tcp.dstport eq 0x50", packet()],
  ["tcp.port in {1, 79..81} and tcp.srcport not in {80, 443}", packet()],
  ["tcp.flags == 0x12 and tcp.flags.syn == 1 and tcp.flags.ack and tcp.flags.fin == false", packet()],
  ["tcp.flags & 2 and tcp.flags & 0x13 == 0x12 and not tcp.flags & 5", packet()],
  ["tcp.len == 15 and tcp.hdr_len == 24 and tcp.seq_raw < 8 and tcp.ack_raw >= 9", packet()],
  ["tcp.window_size_value > 511 and tcp.window_size_value le 512", packet()],
  ['tcp.payload contains "/index" and tcp.payload contains 47:45:54', packet()],
  ['tcp contains "/index" and not tcp matches "^post"', packet()],
  ['tcp.payload matches "^get /\\w+\\.HTML$"', packet()],
  ["ip.ttl == 64 and ip.proto == 6 and frame.number == 5 and frame.len == 73 and frame.cap_len == 73", packet()],
  ["frame.time_epoch == 2.5 and frame.interface_name == eth0", packet()],
  ['frame.comment == "drop" and note contains snap and not problem', packet()],
  ["udp.length == 12 and udp.port == 69 and ipv6.hlim == 64 and udp.payload == 00:00:00:00", udp],
  ["ipv6.src == 2001:db8::/32 and ipv6.addr == fe80::1 and ipv6.dst in {fe80::1..fe80::2}", udp],
  ["tcp or udp and frame.number == 99", packet()],
  ["tcp.srcport != tcp.dstport and not ip.src == ip.dst", packet()]
]

const failures: ReadonlyArray<readonly [filter: string, message: string]> = [
  ["", 'filter at character 1: expected a field, "not" or "(", found the end'],
  ["tcp.prot == 80", 'filter at character 1: expected the name of a field, found "tcp.prot"; nearest names: tcp.port'],
  [
    "dns.qryname",
    'filter at character 1: expected the name of a field, found "dns.qryname"; nearest names: dns.qry.name, dns.cname'
  ],
  [
    "ip.addr == 300.1.1.1",
    'filter at character 12: expected a value of ip.addr: an IPv4 address or network, such as 10.0.0.0/8, found "300.1.1.1"'
  ],
  ["tcp.port == 80 90", 'filter at character 16: expected "and", "or" or the end, found "90"'],
  ["(tcp", 'filter at character 5: expected an operator or ")", found the end'],
  ["tcp == 3", "filter at character 5: expected no comparison: tcp is a protocol, and only exists or not, found =="],
  [
    'frame contains "a"',
    'filter at character 7: expected an operator for frame, which is neither text nor bytes, found "contains"; search in tcp.payload or udp.payload'
  ],
  [
    'frame.comment == "a',
    'filter at character 18: expected a closing quote, found the end; write "text", with \\" inside'
  ],
  [
    "ip.addr > 10.0.0.0/8",
    'filter at character 11: expected an address, because networks have no order, found "10.0.0.0/8"; compare networks by == and !='
  ]
]

describe("DisplayFilter", () => {
  it.each(trueOf)("%s is true, and its negation false", (text, of) => {
    assert.isTrue(DisplayFilter.matches(parse(text), of))
    assert.isFalse(DisplayFilter.matches(parse(`not (${text})`), of))
  })

  it.each([
    ["udp.port != 80", packet()],
    ["ip.addr != 10.0.0.1", packet()],
    ["ip", udp],
    ["ipv6.addr == ::", packet()],
    ["dns or dns.qry.name", packet()]
  ] as const)("%s is false", (text, of) => {
    assert.isFalse(DisplayFilter.matches(parse(text), of))
  })

  it.each(failures)("of %s says where and why", (text, message) => assert.strictEqual(messageOf(text), message))

  it("binds and stronger than or, and not strongest", () => {
    assert.strictEqual(DisplayFilter.format(parse("!tcp||udp&&ip")), "not tcp or udp and ip")
    assert.strictEqual(DisplayFilter.format(parse("!(tcp||udp)&&ip")), "not (tcp or udp) and ip")
  })

  it("rejects what is too deep or too long", () => {
    assert.include(messageOf(`${"(".repeat(5_000)}tcp`), "at most 100 parentheses")
    assert.include(messageOf(`tcp or ${"tcp or ".repeat(3_000)}tcp`), "16384 at most")
  })

  it("finds the packet inside of an ICMP error without details", () => {
    const inner = Traffic.udp("10.0.0.1 33000", "198.51.100.9 33434", "probe")
    const payload = Uint8Array.from([3, 3, 0, 0, 0, 0, 0, 0, ...inner])
    const error = packet({ protocol: "ICMP", tcp: undefined, layers: ["ip", "icmp"], payload })
    for (const text of ["udp.port == 33434", "ip.addr == 198.51.100.9", "icmp.type == 3", "udp"]) {
      assert.isTrue(DisplayFilter.matches(parse(text), error), text)
    }
    assert.isFalse(DisplayFilter.matches(parse("tcp"), error))
  })

  it("says whether details are needed", () => {
    assert.isFalse(parse("tcp.port == 80 or ip").needsDetails)
    assert.isTrue(parse("tcp.port == 80 or tcp.stream == 1").needsDetails)
  })
})

const { options } = FilterArbitrary

describe("generated filters", () => {
  it.prop("parse(format(f)) = f", [FilterArbitrary.expressions], ([expression]) => {
    const text = DisplayFilter.format(DisplayFilter.make(expression, options))
    const parsed = Result.getOrThrow(DisplayFilter.parse(text, options))
    assert.deepStrictEqual(parsed.expression, expression, text)
    assert.strictEqual(DisplayFilter.format(parsed), text)
  })

  it.prop(
    "match as the model says",
    [FilterArbitrary.expressions, FilterArbitrary.packetFields],
    ([expression, fields]) => {
      const filter = DisplayFilter.make(expression, options)
      const details = { protocols: [], fields: new Map(fields) }
      assert.strictEqual(
        DisplayFilter.matches(filter, packet(), details),
        FilterModel.isTrue(expression, details.fields),
        DisplayFilter.format(filter)
      )
    },
    { arbitrary: { runs: 2_000 } }
  )

  it.prop(
    "compare exactly the bits of a prefix",
    [FilterArbitrary.similarAddresses],
    ([{ one, other, prefixLength }]) => {
      const field = one.length === 4 ? "ipv4.a" : "ipv6.a"
      const bits = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("")
      const network =
        one.length === 4
          ? Array.from(one).join(".")
          : Buffer.from(one)
              .toString("hex")
              .replace(/.{4}(?=.)/g, "$&:")
      const filter = Result.getOrThrow(DisplayFilter.parse(`${field} == ${network}/${prefixLength}`, options))
      const expected = bits(one).slice(0, prefixLength) === bits(other).slice(0, prefixLength)
      const details = { protocols: [], fields: new Map([[field, [other]]]) }
      assert.strictEqual(DisplayFilter.matches(filter, packet(), details), expected)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop("any text is a filter or an error with a position in it", [FilterArbitrary.texts], ([text]) => {
    const parsed = DisplayFilter.parse(text, options)
    if (Result.isSuccess(parsed)) {
      const again = Result.getOrThrow(DisplayFilter.parse(DisplayFilter.format(parsed.success), options))
      return assert.deepStrictEqual(again.expression, parsed.success.expression)
    }
    const { message, position } = parsed.failure
    assert.isTrue(position >= 0 && position <= text.length)
    assert.notInclude(message, "\n")
  })

  it.prop("any text of any characters never throws", [Arbitrary.schema(Schema.String)], ([text]) => {
    DisplayFilter.parse(text)
  })
})
