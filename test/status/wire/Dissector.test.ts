import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import { dissectors } from "../../../src/cli/run/common/dissectors.ts"
import * as Packet from "../../../src/network/Packet.ts"
import * as CoursePacket from "../../../src/status/wire/CoursePacket.ts"
import { dissector } from "../../../src/status/wire/Dissector.ts"
import * as RelayMessage from "../../../src/status/wire/RelayMessage.ts"
import type * as StatusPacket from "../../../src/status/wire/StatusPacket.ts"
import * as CoursePacketArbitrary from "./CoursePacketArbitrary.ts"
import * as StatusPacketArbitrary from "./StatusPacketArbitrary.ts"

const packet = (bytes: Uint8Array, more: Partial<Packet.Packet> = {}): Packet.Packet => {
  const end = { address: "127.0.0.1", port: 4_000 }
  return { transport: "udp", kind: "datagram", from: end, to: end, bytes, ...more }
}

const dissect = (bytes: Uint8Array, more?: Partial<Packet.Packet>) => dissector.dissect(packet(bytes, more))

const plain: StatusPacket.StatusPacket = {
  cluster: "",
  id: "00c0ffee00c0ffee",
  name: "web1",
  incarnation: 1,
  sequence: 42,
  interval: 1_000,
  time: 1,
  goodbye: false,
  payload: new Uint8Array(87)
}

const statusBytes = (change: Partial<StatusPacket.StatusPacket>, signed = false) =>
  StatusPacketArbitrary.encoded({ ...plain, ...change }, signed)

const course = (name: string, x: number, y: number) => Result.getOrThrow(CoursePacket.encode({ name, x, y }))

const control = (_tag: RelayMessage.ControlMessage["_tag"]) =>
  RelayMessage.encode({ _tag, lease: 30_000, cookie: RelayMessage.zeroCookie })

const forwarded = (bytes: Uint8Array) =>
  RelayMessage.forwardedMessage(RelayMessage.forwardedHeader({ address: "192.0.2.7", port: 4_000 }), bytes)

describe("Dissector", () => {
  it("is named status", () => assert.strictEqual(dissector.name, "status"))

  for (const [bytes, summary] of [
    [statusBytes({}), "STATUS web1 #42, id 00c0ffee00c0ffee, every 1000 ms, 87 bytes"],
    [
      statusBytes({ cluster: "lab 1", name: 'a "b"', payload: new Uint8Array(1) }, true),
      'STATUS "a \\"b\\"" #42, id 00c0ffee00c0ffee, cluster "lab 1", every 1000 ms, 1 byte, signed'
    ],
    [statusBytes({ goodbye: true }), "GOODBYE web1 #42, id 00c0ffee00c0ffee, every 1000 ms, 87 bytes"],
    [
      statusBytes({ name: "\u001b[2J\u202e" }),
      "STATUS \\u001b[2J\\u202e #42, id 00c0ffee00c0ffee, every 1000 ms, 87 bytes"
    ],
    [course("bob", 40, -12), "COURSE bob at 40,-12"],
    [course("my name", 0, 0), 'COURSE "my name" at 0,0'],
    [course("日本", 79, 23), "COURSE 日本 at 79,23"],
    [control("Subscribe"), "SUBSCRIBE for 30000 ms"],
    [control("Challenge"), "CHALLENGE"],
    [control("Granted"), "GRANTED for 30000 ms"],
    [control("Full"), "FULL"],
    [control("Leave"), "LEAVE"],
    [
      forwarded(statusBytes({ goodbye: true })),
      "FORWARD from 192.0.2.7 port 4000: GOODBYE web1 #42, id 00c0ffee00c0ffee, every 1000 ms, 87 bytes"
    ],
    [forwarded(course("bob", 1, 2)), "FORWARD from 192.0.2.7 port 4000: COURSE bob at 1,2"],
    [forwarded(new Uint8Array(1)), "FORWARD from 192.0.2.7 port 4000: 1 byte"],
    [forwarded(forwarded(control("Leave"))), "FORWARD from 192.0.2.7 port 4000: 68 bytes"]
  ] as const) {
    it(`dissects: ${summary}`, () => assert.deepEqual(dissect(bytes), { kind: summary.split(" ")[0]!, summary }))
  }

  it("recognizes 72 bytes with an implausible position as the course's only on its port", () => {
    const bytes = course("bob", 2 ** 31 - 1, 0)
    assert.isUndefined(dissect(bytes))
    for (const end of ["from", "to"]) {
      assert.strictEqual(dissect(bytes, { [end]: { address: "127.0.0.1", port: 2_066 } })?.kind, "COURSE")
    }
  })

  for (const [what, bytes] of [
    ["an empty payload", new Uint8Array(0)],
    ["72 NULs", new Uint8Array(72)],
    ["a name with an escape sequence", course("\u001b[2J", 1, 2)],
    ["a name that is not UTF-8", course("bob", 1, 2).fill(0xff, 0, 2)],
    ["71 bytes of the course", course("bob", 1, 2).subarray(1)],
    ["a status packet of another version", statusBytes({}).fill(2, 4, 5)],
    ["a truncated status packet", statusBytes({}).subarray(0, 90)]
  ] as const) {
    it(`does not recognize ${what}`, () => {
      assert.isUndefined(dissect(bytes))
      assert.isUndefined(dissect(bytes, { to: { address: "127.0.0.1", port: 2_066 } }))
    })
  }

  it("recognizes nothing in a TCP stream", () => {
    assert.isDefined(dissect(statusBytes({})))
    assert.isUndefined(dissect(statusBytes({}), { transport: "tcp", kind: "data" }))
  })

  it.prop(
    "recognizes every valid packet among all protocols of the package",
    [StatusPacketArbitrary.packets],
    ([one]) => {
      const found = Packet.dissect(dissectors, packet(StatusPacketArbitrary.encoded(one)))
      assert.strictEqual(found?.kind, one.goodbye ? "GOODBYE" : "STATUS")
    }
  )

  it("does not recognize TFTP", () => {
    for (const text of ["\0\x03\0\x01", "\0\x04\0\x01", `\0\x03\0\x01${"x".repeat(68)}`]) {
      const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0))
      assert.isUndefined(dissect(bytes))
      assert.match(Packet.dissect(dissectors, packet(bytes))!.kind, /DATA|ACK/)
    }
  })

  for (const [what, bytes] of [
    ["any bytes", StatusPacketArbitrary.datagrams],
    ["mutated packets", StatusPacketArbitrary.mutated],
    ["72 bytes", CoursePacketArbitrary.datagrams],
    ["forwarded packets", Arbitrary.map(StatusPacketArbitrary.mutated, forwarded)]
  ] as const) {
    it.prop(
      `never throws and prints one line for ${what}`,
      [bytes],
      ([bytes]) => assert.notMatch(dissect(bytes)?.summary ?? "", /[\p{Cc}\u202a-\u202e]/u),
      { arbitrary: { runs: 500 } }
    )
  }
})
