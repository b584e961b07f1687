import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Checksum from "../../../src/capture/format/Checksum.ts"
import * as IpFragments from "../../../src/capture/reassembly/IpFragments.ts"
import { pseudoRandomBytes } from "../../support/Hosts.ts"
import * as Files from "../format/CaptureBytes.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** Splits a packet into fragments whose lengths are multiples of 8 bytes. */
const fragment = (packet: Uint8Array, units: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const isV4 = packet[0]! >> 4 === 4
  const body = packet.subarray(isV4 ? 20 : 40)
  const all: Array<Uint8Array> = []
  let at = 0
  for (const unit of [...units, body.length]) {
    if (at >= body.length) break
    const part = body.subarray(at, at + Math.max(1, unit) * 8)
    const more = at + part.length < body.length ? 1 : 0
    if (isV4) {
      const header = packet.slice(0, 20)
      const view = new DataView(header.buffer)
      view.setUint16(2, 20 + part.length)
      view.setUint16(6, (more << 13) | (at >> 3))
      view.setUint16(10, 0)
      view.setUint16(10, Checksum.complement(Checksum.sumWords(header, 0, 20)))
      all.push(Files.concat(header, part))
    } else {
      const header = Files.concat(packet.subarray(0, 40), [packet[6]!, 0, 0, 0, 0, 0, 0, 9])
      const view = new DataView(header.buffer)
      header[6] = 44
      view.setUint16(4, 8 + part.length)
      view.setUint16(42, at | more)
      all.push(Files.concat(header, part))
    }
    at += part.length
  }
  return all
}

const shuffle = <A>(all: ReadonlyArray<A>, keys: ReadonlyArray<number>) =>
  all
    .map((value, i) => [keys[i % keys.length] ?? 0, value] as const)
    .toSorted(([one], [other]) => one - other)
    .map(([, value]) => value)

const read = (packets: ReadonlyArray<Uint8Array>, micros: (i: number) => number = () => 0) =>
  Files.readSync(
    Files.pcap(
      packets.map((bytes, i) => ({ bytes, micros: micros(i) })),
      { littleEndian: true }
    )
  )

describe("IP fragments", () => {
  it.effect.prop(
    "in any order give the datagram at the last one, for IPv4 and IPv6",
    [
      between(1, 3_000),
      Arbitrary.array(between(1, 100), { maxLength: 20 }),
      Arbitrary.array(between(0, 100), { minLength: 1, maxLength: 20 }),
      between(0, 1)
    ],
    ([size, units, keys, family]) =>
      Effect.sync(() => {
        const payload = Uint8Array.from(pseudoRandomBytes(size))
        const pieces = shuffle(fragment(Files.udp(payload, family === 0 ? 4 : 16), units), keys)
        const { packets, summary } = read(pieces)
        const whole = packets.at(-1)!
        assert.strictEqual(whole.protocol, "UDP")
        assert.deepStrictEqual(whole.payload, payload)
        assert.deepStrictEqual(whole.problems, [])
        assert.strictEqual(whole.from?.port, 4_000)
        for (const before of packets.slice(0, -1)) {
          assert.strictEqual(before.protocol, family === 0 ? "IPv4" : "IPv6")
          assert.match(before.notes!.join(), /^fragment \d+ of datagram 0x000\d, bytes \d+ to \d+$/)
        }
        assert.strictEqual(summary?.incompleteDatagrams, 0)
      })
  )

  const bytes = (text: string) => Files.encode(text)
  const at = (offset: number, text: string, isLast = false, key = "a", time = 0n) => ({
    ...{ key, offset, isLast, time },
    bytes: bytes(text)
  })

  it("that overlap or come twice are reported, and the first bytes win", () => {
    const fragments = IpFragments.make()
    assert.deepStrictEqual(fragments.add(at(0, "aaaa")), { index: 1, datagram: undefined, problem: undefined })
    assert.strictEqual(fragments.add(at(0, "aaaa")).problem, "duplicate fragment")
    assert.strictEqual(fragments.add(at(2, "aabb")).problem, "overlaps another fragment")
    assert.strictEqual(fragments.add(at(4, "xxcc")).problem, "overlaps another fragment with other content")
    const { datagram, index } = fragments.add(at(8, "dd", true))
    assert.strictEqual(new TextDecoder().decode(datagram), "aaaabbccdd")
    assert.strictEqual(index, 5)
    assert.strictEqual(fragments.incomplete(), 0)
  })

  it("of datagrams that stay incomplete are given up by time, number and memory", () => {
    const timed = IpFragments.make({ timeoutNanos: 10n })
    timed.add(at(0, "aaaa", false, "a", 0n))
    timed.add(at(0, "bbbb", false, "b", 11n))
    assert.isUndefined(timed.add(at(4, "aa", true, "a", 11n)).datagram)
    assert.isDefined(timed.add(at(4, "bb", true, "b", 11n)).datagram)
    assert.strictEqual(timed.incomplete(), 2)

    const counted = IpFragments.make({ maxDatagrams: 3 })
    for (let i = 0; i < 10; i++) counted.add(at(0, "aaaa", false, `${i}`))
    assert.isUndefined(counted.add(at(4, "aa", true, "0")).datagram)
    assert.isDefined(counted.add(at(4, "aa", true, "9")).datagram)

    const sized = IpFragments.make({ maxBytes: 1_000 })
    for (let i = 0; i < 10; i++) sized.add(at(0, "a".repeat(400), false, `${i}`))
    assert.isUndefined(sized.add(at(400, "aa", true, "5")).datagram)
    assert.isDefined(sized.add(at(400, "aa", true, "9")).datagram)
  })

  it("that end beyond the longest datagram are a defect", () => {
    const { datagram, problem } = IpFragments.make().add(at(65_528, "aaaaaaaa", true))
    assert.isUndefined(datagram)
    assert.strictEqual(problem, "fragment ends at byte 65536, beyond the limit of 65535")
  })

  it("are not joined if the capture cut one of them", () => {
    const [first, second] = fragment(Files.udp("x".repeat(40)), [2]) as [Uint8Array, Uint8Array]
    const { packets } = Files.readSync(
      Files.pcap(
        [
          { bytes: first.subarray(0, -4), micros: 0, originalLength: first.length },
          { bytes: second, micros: 0 }
        ],
        { littleEndian: true }
      )
    )
    assert.strictEqual(packets[0]?.to?.port, 7)
    assert.deepStrictEqual(packets[0]?.problems, [])
    assert.strictEqual(packets[1]?.protocol, "IPv4")
  })
})
