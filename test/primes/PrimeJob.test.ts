import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Farm from "../../src/farm/Farm.ts"
import * as Job from "../../src/farm/Job.ts"
import * as NodeThreadWorkers from "../../src/farm/threads/NodeThreadWorkers.ts"
import * as Kernels from "../../src/primes/Kernels.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"

const { job } = PrimeJob

const Bound = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000_000 }))
const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500_000 }))
const Name = Schema.Literals(Kernels.names)

const split = (input: PrimeJob.Packet, sizes: ReadonlyArray<number>) => {
  const splitter = PrimeJob.split(input)
  const packets: Array<PrimeJob.Packet> = []
  let units = 0
  for (let turn = 0; ; turn++) {
    const cut = splitter.next(sizes[turn % sizes.length] ?? 1_000)
    if (cut === undefined) return { packets, units, splitter }
    packets.push(cut.packet)
    units += cut.units
  }
}

describe("PrimeJob", () => {
  it.prop(
    "splits a range into consecutive packets of any size",
    [Bound, Bound, Name, Schema.Array(Size)],
    ([one, other, kernel, sizes]) => {
      const input = { from: Math.min(one, other), to: Math.max(one, other), kernel }
      const { packets, splitter, units } = split(input, sizes.length === 0 ? [50_000] : [...sizes, 50_000])
      assert.strictEqual(units, splitter.total)
      let at = input.from
      for (const { from, to } of packets) {
        assert.strictEqual(from, at)
        assert.isAbove(to, from)
        at = to
      }
      assert.strictEqual(at, input.to)
    }
  )

  it.prop("merges the counts of the packets to the count of the range", [Bound, Schema.Array(Size)], ([to, sizes]) => {
    const input = { from: 0, to, kernel: "segmented" } as const
    const { packets } = split(input, [...sizes, 100_000])
    const count = (packet: PrimeJob.Packet) => job.work(packet, Job.neverStopped) as number
    const sum = packets.reduce((all, packet) => job.merge(all, count(packet), packet), job.empty)
    assert.strictEqual(sum, Kernels.kernels.segmented.count(0, to))
  })

  it("splits off sieve packets of at least 4 roots, and trial packets of the requested size", () => {
    const input = { from: 1e15, to: 1e15 + 1e9, kernel: "wasm" } as const
    assert.isAtLeast(split(input, [1]).packets[0]!.to - 1e15, 4 * Math.sqrt(1e15))
    const trial = split({ from: 0, to: 100, kernel: "trial" }, [10])
    assert.strictEqual(trial.packets.length, 10)
  })

  it("accepts ranges up to 2^53, and refuses other packets", () => {
    const decode = Schema.decodeUnknownResult(job.packet)
    const isPacket = (value: unknown) => Result.isSuccess(decode(value))
    assert.isTrue(isPacket({ from: 0, to: 2 ** 53, kernel: "wasm" }))
    for (const wrong of [
      { from: -1, to: 2, kernel: "wasm" },
      { from: 0, to: 1.5, kernel: "wasm" },
      { from: 0, to: 2 ** 54, kernel: "wasm" },
      { from: 0, to: Number.NaN, kernel: "wasm" },
      { from: 0, to: 1, kernel: "fast" },
      { from: 0, to: "1", kernel: "wasm" },
      null
    ]) {
      assert.isFalse(isPacket(wrong), JSON.stringify(wrong))
    }
  })

  it.live.each([
    ["wasm", 100_000_000, 5_761_455],
    ["segmented", 10_000_000, 664_579],
    ["trial", 300_000, 25_997]
  ] as const)("counts on threads with kernel %s below %i", ([kernel, to, primes]) =>
    Effect.gen(function* () {
      const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 })
      assert.strictEqual(yield* Farm.run(job, { from: 0, to, kernel }, { workers }), primes)
    })
  )
})
