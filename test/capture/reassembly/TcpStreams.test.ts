import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { CapturedPacket } from "../../../src/capture/CaptureReader.ts"
import * as TcpStreams from "../../../src/capture/reassembly/TcpStreams.ts"
import { pseudoRandomBytes } from "../../support/Hosts.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const flags = { F: 1, S: 2, R: 4, A: 16 } as const

interface Segment {
  readonly toServer?: boolean
  readonly flags?: string
  readonly seq: number
  readonly ack?: number
  readonly data?: string | Uint8Array
  readonly missing?: number
  readonly clientPort?: number
}

let count = 0
const segment = ({
  ack = 0,
  clientPort = 4_000,
  data = "",
  flags: letters = "A",
  missing,
  seq,
  toServer = true
}: Segment) => {
  const [client, server] = [
    { address: "10.0.0.1", port: clientPort },
    { address: "10.0.0.2", port: 80 }
  ]
  const bits = Array.from(letters, (letter) => flags[letter as keyof typeof flags]).reduce((all, bit) => all | bit, 0)
  const payload = typeof data === "string" ? new TextEncoder().encode(data) : data
  const packet: CapturedPacket = {
    protocol: "TCP",
    from: toServer ? client : server,
    to: toServer ? server : client,
    tcp: { seq: seq >>> 0, ack: ack >>> 0, flags: bits, window: 1_000, options: new Uint8Array(0) },
    payload,
    missingBytes: missing,
    problems: [],
    layers: ["ip", "tcp"],
    number: ++count,
    at: 0n,
    host: "0",
    originalLength: 40 + payload.length,
    capturedLength: 40 + payload.length,
    comments: []
  }
  return packet
}

const format = ({ bytes, direction, kind, length, stream }: TcpStreams.StreamEvent) =>
  `${stream} ${direction} ${kind}${kind === "data" ? ` ${new TextDecoder().decode(bytes)}` : kind === "gap" ? ` ${length}` : ""}`

const run = (all: ReadonlyArray<Segment>, limits?: TcpStreams.Limits) => {
  const streams = TcpStreams.make(limits)
  const events = all.flatMap((one) => [...streams.add(segment(one))])
  return [...events, ...streams.finish()].map(format)
}

const handshake: ReadonlyArray<Segment> = [
  { flags: "S", seq: 100 },
  { flags: "SA", seq: 500, ack: 101, toServer: false },
  { seq: 101, ack: 501 }
]
const opened = ["0 client open", "0 server open"]

describe("TcpStreams", () => {
  it("returns both directions of a connection in order", () => {
    const events = run([
      ...handshake,
      { seq: 101, data: "request" },
      { seq: 501, data: "reply", toServer: false },
      { flags: "FA", seq: 108, data: "!" },
      { flags: "FA", seq: 506, toServer: false }
    ])
    const rest = ["0 client data request", "0 server data reply", "0 client data !", "0 client close", "0 server close"]
    assert.deepStrictEqual(events, [...opened, ...rest])
  })

  it("puts segments in order and drops what was sent before", () => {
    const events = run([
      ...handshake,
      { seq: 104, data: "def" },
      { seq: 107, data: "ghi" },
      { seq: 101, data: "abc" },
      { seq: 101, data: "abc" },
      { seq: 105, data: "efghijk" },
      { flags: "FA", seq: 112 }
    ])
    const data = events.filter((event) => event.includes("data")).map((event) => event.slice(14))
    assert.strictEqual(data.join(""), "abcdefghijk")
    assert.strictEqual(events.at(-1), "0 client close")
  })

  it("tells bytes that the capture does not hold as soon as they are acknowledged", () => {
    const lost = [...handshake, { seq: 104, data: "def" }]
    assert.deepStrictEqual(run([...lost, { seq: 501, ack: 101, toServer: false }, { seq: 107, data: "g" }]).slice(2), [
      "0 client gap 3",
      "0 client data def",
      "0 client data g"
    ])
    const streams = TcpStreams.make()
    for (const one of lost) streams.add(segment(one))
    const events = streams.add(segment({ seq: 501, ack: 107, toServer: false }))
    assert.deepStrictEqual(events.map(format), ["0 client gap 3", "0 client data def"])
  })

  it("tells the part of a segment that the snap length has cut", () => {
    const events = run([...handshake, { seq: 101, data: "abc", missing: 10 }, { seq: 114, data: "next" }])
    assert.deepStrictEqual(events.slice(2), ["0 client data abc", "0 client gap 10", "0 client data next"])
  })

  it("gives up a gap beyond the limit of bytes that wait", () => {
    const streams = TcpStreams.make({ maxPendingBytes: 1_000 })
    for (const one of handshake) streams.add(segment(one))
    const events = Array.from({ length: 4 }, (_, i) =>
      streams.add(segment({ seq: 111 + 300 * i, data: "x".repeat(300) })).map(({ kind, length }) => `${kind} ${length}`)
    )
    assert.deepStrictEqual(events, [[], [], ["gap 10", "data 300", "data 300", "data 300"], ["data 300"]])
  })

  it("numbers connections as Wireshark does: the same ports again with another SYN are a new one", () => {
    const events = run([
      { flags: "S", seq: 100 },
      { flags: "S", seq: 100 },
      { flags: "S", seq: 100, clientPort: 4_001 },
      { flags: "S", seq: 7_000 },
      { flags: "SA", seq: 900, ack: 7_001, toServer: false }
    ])
    assert.deepStrictEqual(events, ["0 client open", "1 client open", "2 client open", "2 server open"])
  })

  it("takes the receiver of a SYN with ACK, and the sender of any other first packet, for the client", () => {
    assert.deepStrictEqual(run([{ flags: "SA", seq: 1, toServer: false }]), ["0 server open"])
    assert.deepStrictEqual(run([{ seq: 1, toServer: false, data: "x" }]), ["0 client open", "0 client data x"])
  })

  it("ends both directions at a reset, with what waits", () => {
    const events = run([...handshake, { seq: 103, data: "late" }, { flags: "R", seq: 501, toServer: false }])
    assert.deepStrictEqual(events.slice(2), ["0 client gap 2", "0 client data late", "0 server reset"])
  })

  it("forgets the oldest of too many connections", () => {
    const all = Array.from({ length: 5 }, (_, i): Segment => ({ seq: 1, data: "x", clientPort: i }))
    const streams = TcpStreams.make({ maxConnections: 2 })
    const numbers = [...all, ...all].flatMap((one) => streams.add(segment(one))).map(({ stream }) => stream)
    assert.strictEqual(Math.max(...numbers), 9)
  })

  it.effect.prop(
    "returns the stream of segments that overlap, repeat and come in any order, across the wrap of sequence numbers",
    [
      between(0, 2 ** 32 - 1),
      Arbitrary.array(Arbitrary.all([between(0, 499), between(1, 60), between(0, 1_000)]), { maxLength: 40 })
    ],
    ([start, pieces]) =>
      Effect.sync(() => {
        const whole = Uint8Array.from(pseudoRandomBytes(500))
        const streams = TcpStreams.make()
        streams.add(segment({ flags: "S", seq: start }))
        const covering = Array.from({ length: 10 }, (_, i) => [50 * i, 50, i * 97] as const)
        const events = [...pieces, ...covering]
          .toSorted(([, , one], [, , other]) => (one % 101) - (other % 101))
          .flatMap(([at, size]) => streams.add(segment({ seq: start + 1 + at, data: whole.subarray(at, at + size) })))
        assert.isTrue(events.every(({ kind }) => kind === "data"))
        assert.deepStrictEqual(new Uint8Array(Buffer.concat(events.map(({ bytes }) => bytes))), whole)
        assert.deepStrictEqual(streams.finish(), [])
      })
  )
})
