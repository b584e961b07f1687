import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Kind, Packet } from "../../../src/network/Packet.ts"
import * as FaultEngine from "../../../src/simulation/faults/FaultEngine.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as FaultVerdict from "../../../src/simulation/faults/FaultVerdict.ts"

const millis = 1_000_000
const second = 1000 * millis

const engine = (text: string, options?: FaultEngine.Options) =>
  FaultEngine.make(FaultPlanSyntax.parseUnsafe(text), options)

const packet = (
  kind: Kind,
  bytes: ReadonlyArray<number> = [],
  from = "10.0.0.1",
  to = "10.0.0.2",
  port = 5000
): Packet => ({
  transport: kind === "datagram" ? "udp" : "tcp",
  kind,
  from: { address: from, port },
  to: { address: to, port: 69 },
  bytes: Uint8Array.from(bytes)
})
const udp = (...bytes: ReadonlyArray<number>) => packet("datagram", bytes)
const tcp = (...bytes: ReadonlyArray<number>) => packet("data", bytes)

const datagrams = (verdict: FaultVerdict.Verdict): FaultVerdict.Datagrams => {
  assert(verdict._tag === "Datagrams", verdict._tag)
  return verdict
}
const stream = (verdict: FaultVerdict.Verdict): FaultVerdict.Stream => {
  assert(verdict._tag === "Stream", verdict._tag)
  return verdict
}

/** Carries out the verdicts as a network does: in the order of times, and of sending at equal times. */
const arrivals = (
  text: string,
  sent: ReadonlyArray<readonly [at: number, packet: Packet]>,
  options?: FaultEngine.Options
) => {
  const { decide } = engine(text, options)
  const queue: Array<{ readonly at: number; readonly action: () => void }> = []
  const arrived: Array<readonly [at: number, bytes: ReadonlyArray<number>]> = []
  const at = (time: number, action: () => void) => void queue.push({ at: time, action })
  let now = 0
  for (const [time, packet] of sent) {
    at(time, () => {
      const verdict = decide(packet, now)
      const arrive = (bytes: Uint8Array) => arrived.push([now, [...bytes]])
      if (verdict._tag === "Deliver") return arrive(packet.bytes)
      if (verdict._tag === "Drop") return undefined
      const { copies, held, overtaken } = datagrams(verdict)
      const deliver = () => {
        for (const { bytes, delayNanos } of copies) {
          if (delayNanos === 0) arrive(bytes)
          else at(now + delayNanos, () => arrive(bytes))
        }
      }
      if (held === undefined) deliver()
      else {
        held.onRelease(deliver)
        at(now + held.maxHoldNanos, held.release)
      }
      for (const one of overtaken) one.release()
      return undefined
    })
  }
  while (queue.length > 0) {
    const next = queue.reduce((first, event) => (event.at < first.at ? event : first))
    queue.splice(queue.indexOf(next), 1)
    now = next.at
    next.action()
  }
  return arrived
}

const numbered = (n: number, step = millis) => Array.from({ length: n }, (_, i) => [i * step, udp(i + 1)] as const)
const order = (arrived: ReadonlyArray<readonly [number, ReadonlyArray<number>]>) => arrived.map(([, bytes]) => bytes[0])

const bits = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (byte, i) => (byte ^ b[i]!).toString(2).replaceAll("0", "").length).reduce((sum, n) => sum + n, 0)

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))

describe("datagram faults", () => {
  it("drop loses the selected datagrams", () => {
    assert.deepStrictEqual(order(arrivals("drop=#2..3, drop=#5..", numbered(6))), [1, 4])
    assert.strictEqual((engine("drop=#1 a>b").decide(udp(1), 0, "a", "b") as FaultVerdict.Drop).note, "drop")
  })

  it("delay delivers later, by a fixed or drawn time, while others pass", () => {
    assert.deepStrictEqual(arrivals("delay=#1 1500us", numbered(3)), [
      [millis, [2]],
      [1.5 * millis, [1]],
      [2 * millis, [3]]
    ])
    const { decide } = engine("delay=20ms..40ms")
    const delays = Array.from({ length: 2000 }, () => datagrams(decide(udp(1), 0)).copies[0]!.delayNanos)
    assert.isAtLeast(Math.min(...delays), 20 * millis)
    assert.isBelow(Math.min(...delays), 21 * millis)
    assert.isAtMost(Math.max(...delays), 40 * millis)
    assert.isAbove(Math.max(...delays), 39 * millis)
    assert.isTrue(delays.every((delay) => delay % 1000 === 0))
  })

  it("dup adds copies, at once or later", () => {
    assert.deepStrictEqual(order(arrivals("dup=#2", numbered(3))), [1, 2, 2, 3])
    assert.deepStrictEqual(arrivals("dup=#1:2 1500us", numbered(3)), [
      [0, [1]],
      [millis, [2]],
      [1.5 * millis, [1]],
      [1.5 * millis, [1]],
      [2 * millis, [3]]
    ])
  })

  it("reorder holds a datagram until enough others overtake it, or its time is over", () => {
    assert.deepStrictEqual(order(arrivals("reorder=#2", numbered(5))), [1, 3, 2, 4, 5])
    assert.deepStrictEqual(order(arrivals("reorder=#1:3", numbered(5))), [2, 3, 4, 1, 5])
    assert.deepStrictEqual(order(arrivals("reorder", numbered(6))), [2, 1, 4, 3, 6, 5])
    assert.deepStrictEqual(arrivals("reorder=#2", numbered(2)).at(-1), [second + millis, [2]])
    assert.deepStrictEqual(order(arrivals("reorder=#1:4 2500us", numbered(5))), [2, 3, 1, 4, 5])
    const lonely = arrivals("reorder", numbered(3, 2 * second)).map(([at]) => at / second)
    assert.deepStrictEqual(lonely, [1, 3, 5])
    // A datagram that is lost, held, or in the other direction overtakes none.
    assert.deepStrictEqual(order(arrivals("reorder=#1, drop=#2", numbered(4))), [3, 1, 4])
    assert.deepStrictEqual(order(arrivals("reorder=#1, reorder=#2", numbered(4))), [3, 1, 2, 4])
    const back = packet("datagram", [9], "10.0.0.2", "10.0.0.1")
    assert.deepStrictEqual(
      order(
        arrivals("reorder=#1", [
          [0, udp(1)],
          [1, back],
          [2, udp(2)]
        ])
      ),
      [9, 2, 1]
    )
  })

  it("reorder is not affected by stream data", () => {
    const { decide } = engine("reorder=#1")
    datagrams(decide(udp(1), 0))
    assert.strictEqual(decide(tcp(1), 1)._tag, "Deliver")
    assert.strictEqual(datagrams(decide(udp(2), 2)).overtaken.length, 1)
  })

  it.prop("corrupt flips one bit of a copy, the given one if any", [Seed, Bytes], ([seed, bytes]) => {
    const one = udp(...bytes)
    const verdict = engine("corrupt", { seed }).decide(one, 0)
    if (bytes.length === 0) return assert.strictEqual(verdict._tag, "Deliver")
    assert.strictEqual(bits(datagrams(verdict).copies[0]!.bytes, bytes), 1)
    assert.deepStrictEqual([...one.bytes], bytes)
    const last = engine(`corrupt=${bytes.length * 8 - 1}`).decide(one, 0)
    assert.strictEqual(datagrams(last).copies[0]!.bytes.at(-1)! ^ bytes.at(-1)!, 1)
    const beyond = engine(`corrupt=${bytes.length * 8}`)
    assert.strictEqual(beyond.decide(one, 0)._tag, "Deliver")
    assert.deepStrictEqual(beyond.counts(), [0])
  })

  it("corrupt reaches every bit, from the most significant of the first byte", () => {
    assert.deepStrictEqual([...datagrams(engine("corrupt=0").decide(udp(0, 0), 0)).copies[0]!.bytes], [128, 0])
    const hit = new Set<string>()
    for (let seed = 0; seed < 400; seed++) {
      hit.add(datagrams(engine("corrupt", { seed }).decide(udp(0, 0), 0)).copies[0]!.bytes.join())
    }
    assert.strictEqual(hit.size, 16)
  })

  it.prop("truncate keeps fewer bytes, from the first", [Seed, Bytes], ([seed, bytes]) => {
    const verdict = engine("truncate", { seed }).decide(udp(...bytes), 0)
    if (bytes.length === 0) return assert.strictEqual(verdict._tag, "Deliver")
    const [copy] = datagrams(verdict).copies
    assert.isBelow(copy!.bytes.length, bytes.length)
    assert.deepStrictEqual([...copy!.bytes], bytes.slice(0, copy!.bytes.length))
    const left = engine("truncate=4").decide(udp(...bytes), 0)
    assert.strictEqual(left._tag, bytes.length > 4 ? "Datagrams" : "Deliver")
  })

  it("several faults apply in the order of the plan, and are noted", () => {
    const { counts, decide } = engine("truncate=1, dup=:2 1ms, delay=2ms, corrupt=7, drop=#2, partition=a|c")
    const { copies, note } = datagrams(decide(udp(4, 5, 6), 0, "a", "b"))
    assert.deepStrictEqual(
      copies.map(({ bytes, delayNanos }) => [delayNanos / millis, [...bytes]]),
      [
        [2, [5]],
        [3, [5]],
        [3, [5]]
      ]
    )
    assert.strictEqual(note, "truncate=1, dup=2 1ms, delay=2ms, corrupt=7")
    assert.strictEqual(decide(udp(1, 2), 0, "a", "b")._tag, "Drop")
    assert.deepStrictEqual(counts(), [2, 2, 2, 2, 1, 0])
  })
})

describe("stream faults", () => {
  it("delay, stall and chunk set their values in the verdict", () => {
    const unimpaired = { _tag: "Stream" as const, delayNanos: 0, stallNanos: 0, chunkBytes: undefined, end: undefined }
    const verdictOf = (text: string) => stream(engine(text).decide(tcp(1, 2, 3), second))
    assert.deepStrictEqual(verdictOf("delay=2ms"), { ...unimpaired, note: "delay=2ms", delayNanos: 2 * millis })
    assert.deepStrictEqual(verdictOf("stall=2s"), { ...unimpaired, note: "stall=2s", stallNanos: 2 * second })
    assert.deepStrictEqual(verdictOf("stall"), { ...unimpaired, note: "stall", stallNanos: Number.POSITIVE_INFINITY })
    assert.deepStrictEqual(verdictOf("chunk"), { ...unimpaired, note: "chunk", chunkBytes: 1 })
    assert.deepStrictEqual(verdictOf("chunk=2, delay=1ms"), {
      ...unimpaired,
      note: "chunk=2, delay=1ms",
      chunkBytes: 2,
      delayNanos: millis
    })
    assert.strictEqual(engine("chunk=3").decide(tcp(1, 2, 3), 0)._tag, "Deliver")
  })

  it.prop(
    "cut and reset end each connection once, after the given bytes in any segmentation",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))), Schema.Literals(["cut", "reset"])],
    ([sizes, action]) => {
      const total = sizes.reduce((sum, size) => sum + size, 0)
      for (const after of [0, 1, 5, total - 1].filter((n) => n >= 0 && n < total)) {
        const { counts, decide } = engine(`${action}=${after}`)
        const ends = [1, 2].map((port) => {
          let passed = 0
          const found: Array<number> = []
          for (const size of sizes) {
            const verdict = decide(packet("data", Array(size).fill(0), "a", "b", port), 0)
            if (verdict._tag === "Stream") {
              assert.strictEqual(verdict.end!.kind, action === "cut" ? "fin" : "rst")
              found.push(passed + verdict.end!.afterBytes)
            }
            passed += size
            // An acknowledgement of the other direction's data.
            assert.strictEqual(decide(packet("ack", [], "a", "b", port), 0)._tag, "Deliver")
          }
          return found
        })
        assert.deepStrictEqual(ends, [[after], [after]])
        assert.deepStrictEqual(counts(), [2])
      }
      assert.isTrue(
        sizes.every((size) => engine(`cut=${total}`).decide(tcp(...Array(size).fill(0)), 0)._tag === "Deliver") ||
          total === 0
      )
    }
  )

  it("cut counts a new connection from the same port separately", () => {
    const { counts, decide } = engine("cut=2")
    const end = () => [stream(decide(tcp(1, 2, 3), 0)).end?.afterBytes, decide(tcp(4), 0)._tag]
    assert.deepStrictEqual(end(), [2, "Deliver"])
    decide(packet("syn"), 0)
    assert.deepStrictEqual(end(), [2, "Deliver"])
    assert.deepStrictEqual(counts(), [2])
  })

  it("stream faults ignore datagrams, and datagram faults ignore streams", () => {
    assert.strictEqual(engine("stall, chunk, reset, cut, delay=1s tcp").decide(udp(1, 2), 0)._tag, "Deliver")
    assert.strictEqual(
      engine("drop, dup, reorder, corrupt, truncate, delay=1s udp").decide(tcp(1, 2), 0)._tag,
      "Deliver"
    )
    assert.strictEqual(engine("stall").decide(packet("fin"), 0)._tag, "Deliver")
    assert.strictEqual(stream(engine("reset kind=syn").decide(packet("syn"), 0)).end!.kind, "rst")
  })
})
