import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Ip from "../../../src/capture/Ip.ts"
import * as FrameBuilder from "../../../src/capture/write/FrameBuilder.ts"
import type { Kind, ObservedPacket } from "../../../src/network/Packet.ts"
import { pseudoRandomBytes } from "../../support/Hosts.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const a = { address: "127.0.0.1", port: 40_000 }
const b = { address: "127.0.0.1", port: 7 }

const none: Uint8Array = new Uint8Array(0)
const { ack: ACK, fin: FIN, psh: PSH, rst: RST, syn: SYN } = Ip.flag

const kinds: ReadonlyArray<Kind> = ["datagram", "syn", "synack", "ack", "data", "data", "data", "fin", "rst"]

/** Packets of any kind, on a few tuples, in the order of their times. */
const arbitraryEvents = Arbitrary.array(
  Arbitrary.all([
    between(0, kinds.length - 1),
    between(0, 3),
    between(0, 1),
    between(0, 70_000),
    between(-1, 9),
    between(0, 9)
  ]),
  { maxLength: 60 }
)
const arbitraryPackets = Arbitrary.map(
  arbitraryEvents,
  (all): ReadonlyArray<ObservedPacket> =>
    all.map(([kind, port, back, size, delay, mark], index) => {
      const a = { address: port === 3 ? "::1" : "10.0.0.1", port }
      const b = { address: port === 3 ? "::ffff:10.0.0.2" : "10.0.0.2", port: 7 }
      const at = BigInt(index * 3)
      return {
        transport: kinds[kind] === "datagram" ? "udp" : "tcp",
        kind: kinds[kind]!,
        from: back ? b : a,
        to: back ? a : b,
        bytes: kinds[kind] === "data" || kinds[kind] === "datagram" ? pseudoRandomBytes(size, index) : none,
        at,
        host: back ? "b" : "a",
        ...(delay >= 0 ? { arrives: at + BigInt(delay) } : {}),
        ...(mark === 0 ? { lost: true } : {}),
        ...(mark === 1 ? { fault: "note" } : {})
      }
    })
)

/** Data in one direction of a stream. */
const arbitraryStream = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([between(0, 140_000), between(0, 3)]), { maxLength: 12 }),
  (all): ReadonlyArray<ObservedPacket> =>
    all.map(([size, mark], index) => ({
      transport: "tcp",
      kind: "data",
      from: a,
      to: b,
      bytes: pseudoRandomBytes(size, index),
      at: BigInt(index),
      host: "a",
      ...(mark === 0 ? { lost: true } : {})
    }))
)

const run = (all: ReadonlyArray<ObservedPacket>, options?: FrameBuilder.Options) => {
  const frames = FrameBuilder.make(options)
  const out = all.flatMap((packet) => frames.build(packet))
  return { out: [...out, ...frames.finish()], streams: frames.streams() }
}

const decoded = (all: ReadonlyArray<FrameBuilder.Frame>) => all.map(({ bytes }) => Ip.decode(bytes))

/** Formats the frames of packets sent by the client (`>`) and the server (`<`): flags, relative numbers, length. */
const framesOf = (...steps: ReadonlyArray<readonly [way: ">" | "<", kind: Kind, size?: number]>) => {
  const all = steps.map(([way, kind, size = 0], index): ObservedPacket => {
    const [from, to] = way === ">" ? [a, b] : [b, a]
    return { transport: "tcp", kind, from, to, bytes: pseudoRandomBytes(size), at: BigInt(index), host: "h" }
  })
  const frames = decoded(run(all).out)
  const firsts = new Map<number, number>()
  const flags = [
    [SYN, "S"],
    [FIN, "F"],
    [RST, "R"],
    [PSH, "P"],
    [ACK, "."]
  ] as const
  return frames.map(({ from, payload, problems, tcp, to }) => {
    assert.deepStrictEqual(problems, [])
    const relative = (port: number, seq: number) => {
      if (!firsts.has(port)) firsts.set(port, seq)
      return (seq - firsts.get(port)!) >>> 0
    }
    const seq = relative(from!.port, tcp!.seq)
    const ack = tcp!.flags & ACK ? ` ${relative(to!.port, tcp!.ack)}` : ""
    const letters = flags.flatMap(([bit, letter]) => (tcp!.flags & bit ? [letter] : [])).join("")
    return `${from!.port === a.port ? ">" : "<"} ${letters} ${seq}${ack} ${payload.length}`
  })
}

describe("FrameBuilder", () => {
  it.effect.prop(
    "writes valid checksums and acknowledges only data that was sent, for any packets",
    [arbitraryPackets],
    ([all]) =>
      Effect.sync(() => {
        const { out } = run(all)
        const sent = new Map<string, number>()
        for (const { from, payload, problems, tcp, to } of decoded(out)) {
          assert.deepStrictEqual(problems, [])
          if (tcp === undefined) continue
          const way = `${from!.address} ${from!.port} ${to!.address} ${to!.port}`
          const back = `${to!.address} ${to!.port} ${from!.address} ${from!.port}`
          const end = (tcp.seq + payload.length + (tcp.flags & (SYN | FIN) ? 1 : 0)) >>> 0
          if (tcp.flags & SYN) sent.set(way, end)
          const known = sent.get(way)
          if (known === undefined || ((end - known) | 0) > 0) sent.set(way, end)
          const other = sent.get(back)
          if (tcp.flags & ACK && other !== undefined) assert.isAtMost((tcp.ack - other) | 0, 0)
        }
        // Every datagram has a frame, and the frames are in the order of their times.
        const datagrams = all.filter(({ kind }) => kind === "datagram").length
        assert.strictEqual(decoded(out).filter(({ protocol }) => protocol === "UDP").length, datagrams)
        for (let i = 1; i < out.length; i++) assert.isTrue(out[i]!.at >= out[i - 1]!.at)
      })
  )

  it.effect.prop(
    "writes all bytes of a stream once and in order, with lost data at the place of its retransmission",
    [arbitraryStream],
    (input) =>
      Effect.sync(() => {
        const [data] = input
        const frames = run(data).out.flatMap(({ bytes, comments }) => {
          const { from, payload, tcp } = Ip.decode(bytes)
          return from!.port === a.port && payload.length > 0
            ? [{ payload, seq: tcp!.seq, lost: comments.includes("lost") }]
            : []
        })
        let next = frames[0]?.seq
        for (const { lost, payload, seq } of frames) {
          // Several segments of lost data have consecutive numbers, too.
          if (!lost) assert.strictEqual(seq, next)
          if (!lost) next = (seq + payload.length) >>> 0
        }
        for (const lost of [false, true]) {
          const whole = Buffer.concat(frames.filter((frame) => frame.lost === lost).map(({ payload }) => payload))
          const expected = data.filter((packet) => (packet.lost ?? false) === lost)
          assert.strictEqual(Buffer.compare(whole, Buffer.concat(expected.map(({ bytes }) => bytes))), 0)
        }
      })
  )

  it("acknowledges every byte of a handshake, data and a half-close", () => {
    assert.deepStrictEqual(
      framesOf(
        [">", "syn"],
        ["<", "synack"],
        [">", "ack"],
        [">", "data", 70_000],
        [">", "fin"],
        ["<", "data", 5],
        ["<", "fin"]
      ),
      [
        "> S 0 0",
        "< S. 0 1 0",
        "> . 1 1 0",
        "> . 1 1 65495",
        "< . 1 65496 0",
        "> P. 65496 1 4505",
        "< . 1 70001 0",
        "> F. 70001 1 0",
        "< . 1 70002 0",
        "< P. 1 70002 5",
        "> . 70002 6 0",
        "< F. 6 70002 0",
        "> . 70002 7 0"
      ]
    )
  })

  it("builds a refused connection, and a SYN that is retransmitted", () => {
    assert.deepStrictEqual(framesOf([">", "syn"], ["<", "rst"]), ["> S 0 0", "< R. 0 1 0"])
    assert.deepStrictEqual(framesOf([">", "syn"], [">", "syn"], ["<", "synack"]), ["> S 0 0", "> S 0 0", "< S. 0 1 0"])
  })

  it("builds a stream without its handshake, and ignores packets after a reset", () => {
    assert.deepStrictEqual(framesOf(["<", "data", 3], [">", "data", 2], [">", "rst"], ["<", "rst"]), [
      "< P. 0 0 3",
      "> . 0 3 0",
      "> P. 0 3 2",
      "< . 3 2 0",
      "> R. 2 3 0"
    ])
  })

  it("starts a new stream for a new SYN on a tuple in use", () => {
    const syn = { transport: "tcp", kind: "syn", from: a, to: b, bytes: none, host: "h" } as const
    const synack = { ...syn, kind: "synack", from: b, to: a } as const
    const { out } = run([syn, synack, syn, synack].map((one, i) => ({ ...one, at: BigInt(i) })))
    const numbers = new Set(decoded(out).map(({ tcp }) => tcp!.seq))
    assert.strictEqual(numbers.size, 4)
  })

  it("drops pending acknowledgements of a stream that a new one replaces", () => {
    const syn = { transport: "tcp", kind: "syn", from: a, to: b, bytes: none, host: "h" } as const
    const data = { ...syn, kind: "data", bytes: pseudoRandomBytes(5) } as const
    const { out } = run([
      { ...data, at: 0n, arrives: 9n },
      { ...syn, at: 1n }
    ])
    assert.strictEqual(out.length, 2)
  })

  it("writes the first pending acknowledgements early if there are too many", () => {
    const data = {
      transport: "tcp",
      kind: "data",
      from: a,
      to: b,
      bytes: pseudoRandomBytes(1),
      host: "h",
      arrives: 9_999_999n
    } as const
    const frames = FrameBuilder.make()
    const out = Array.from({ length: 5_000 }, (_, i) => frames.build({ ...data, at: BigInt(i) })).flat()
    assert.isAtLeast(out.length, 5_000 + 900)
  })

  it("forgets closed streams, and the least recently used stream beyond maxStreams", () => {
    const of = (port: number, kind: Kind, back = false): ObservedPacket => {
      const client = { address: "10.0.0.1", port }
      const [from, to] = back ? [b, client] : [client, b]
      return { transport: "tcp", kind, from, to, bytes: none, at: 0n, host: "h" }
    }
    const ports = Array.from({ length: 2_000 }, (_, i) => i + 1)
    const closed = ports.flatMap((port) => [
      of(port, "syn"),
      of(port, "synack", true),
      of(port, "fin"),
      of(port, "fin", true)
    ])
    assert.isAtMost(run(closed).streams, 256)
    assert.strictEqual(
      run(
        ports.map((port) => of(port, "syn")),
        { maxStreams: 100 }
      ).streams,
      100
    )
  })

  it("builds no frame if an address is not an IP literal", () => {
    const named = { address: "localhost", port: 1 }
    const { out } = run([{ transport: "udp", kind: "datagram", from: named, to: b, bytes: none, at: 0n, host: "h" }])
    assert.deepStrictEqual(out, [])
  })
})
