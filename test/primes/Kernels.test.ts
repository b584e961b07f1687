import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { upperLimit } from "../../src/primes/Kernel.ts"
import { fastest, kernels, names } from "../../src/primes/Kernels.ts"
import { isPrime } from "../../src/primes/Trial.ts"
import { borders, int, listed, pi, ranges } from "./KernelsOracle.ts"

const { segmented, trial, wasm } = kernels
const powers = { wasm: 8, segmented: 8, trial: 6 }

/** Numbers near which the sieves change their method: by the size of sieving primes, and of numbers. */
const bases = [0, 2 ** 31, 2 ** 32, 10 ** 10, 2 ** 36, 10 ** 12].map((base) => Math.max(0, base - 1_000))

const anywhere = Arbitrary.map(
  Arbitrary.all([Arbitrary.schema(Schema.Literals([0, 1, 2, 3, 4, 5])), ranges(0, 100_000, 300_000)]),
  ([at, { from, to }]) => ({ from: bases[at]! + from, to: bases[at]! + to })
)

describe("Kernels", () => {
  it("have the names of their keys, the fastest first", () => {
    assert.deepStrictEqual(
      names.map((name) => kernels[name].name),
      [...names]
    )
    assert.strictEqual(fastest, names[0])
  })

  for (const name of names) {
    const kernel = kernels[name]

    it(`${name}: counts the primes up to 10^1 ... 10^${powers[name]}`, () => {
      for (const [at, count] of pi.slice(0, powers[name]).entries()) {
        assert.strictEqual(kernel.count(0, 10 ** (at + 1)), count)
      }
    })

    it(`${name}: counts and lists every range of 0 to 40, and every single number up to 2,000`, () => {
      const numbers = Array.from({ length: 2_000 }, (_, n) => n)
      const primes = numbers.filter((n) => n > 1 && numbers.slice(2, n).every((divisor) => n % divisor !== 0))
      for (let from = 0; from <= 40; from++) {
        for (let to = 0; to <= 40; to++) {
          const expected = primes.filter((prime) => from <= prime && prime < to)
          assert.strictEqual(kernel.count(from, to), expected.length, `${from}..${to}`)
          assert.deepStrictEqual(listed(kernel, from, to), expected)
        }
      }
      assert.deepStrictEqual(
        numbers.filter((n) => kernel.count(n, n + 1) === 1),
        primes
      )
    })

    it(`${name}: returns a count and a list for any two numbers`, () => {
      assert.strictEqual(kernel.count(-10, 3), 1)
      assert.strictEqual(kernel.count(2.5, 5.5), 2)
      assert.strictEqual(kernel.count(NaN, 10), 4)
      if (name !== "segmented") assert.strictEqual(kernel.count(upperLimit - 6, Infinity), 0)
      for (const [from, to] of [
        [5, 1],
        [7, 7],
        [0, NaN],
        [upperLimit, Infinity],
        [-Infinity, 0]
      ] as const) {
        assert.strictEqual(kernel.count(from, to), 0)
        assert.deepStrictEqual(listed(kernel, from, to), [])
      }
    })

    it(`${name}: stops soon after the stop signal`, () => {
      let checks = 0
      const stopped = () => ++checks > 3
      assert.isBelow(kernel.count(0, 10 ** 14, { stopped }), 10 ** 7)
      assert.strictEqual(checks, 4)
    })

    it(`${name}: lists correctly while other calls run`, () => {
      const primes: Array<number> = []
      const other = kernel.primes(10 ** 7, 10 ** 8)[Symbol.iterator]()
      let chunks = 0
      for (const chunk of kernel.primes(0, 10 ** 6)) {
        primes.push(...chunk)
        if (chunks++ > 10) continue
        other.next()
        assert.strictEqual(kernel.count(0, 1_000), 168)
      }
      assert.isAbove(chunks, 2)
      assert.deepStrictEqual(primes, listed(segmented, 0, 10 ** 6))
    })
  }

  it.prop(
    "wasm and segmented agree, and list as many primes as they count",
    [anywhere],
    ([{ from, to }]) => {
      const primes = listed(wasm, from, to)
      assert.strictEqual(wasm.count(from, to), primes.length)
      assert.strictEqual(segmented.count(from, to), primes.length)
      assert.deepStrictEqual(listed(segmented, from, to), primes)
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "all kernels agree on ranges that are short enough for trial division",
    [anywhere, int(0, 40)],
    ([{ from }, length]) => {
      const primes = listed(trial, from, from + length)
      assert.strictEqual(trial.count(from, from + length), primes.length)
      assert.deepStrictEqual(listed(wasm, from, from + length), primes)
      assert.deepStrictEqual(listed(segmented, from, from + length), primes)
    },
    { arbitrary: { runs: 200 } }
  )

  // Only the root crosses off its square: a listed square shows that the root began at a wrong number.
  it.prop(
    "wasm and segmented cross off squares of primes at the borders of windows, stripes and blocks",
    [int(400, 2 ** 18 + 2_000), Schema.Literals([0, 1, 2, 3]), int(-40, 70), Schema.Literals([1, 2])],
    ([at, which, shift, windows]) => {
      let root = at
      while (!isPrime(root)) root++
      const square = root * root
      const from = Math.max(0, square - windows * borders[which]! - shift)
      const near = Math.max(from, square - 100)
      const expected = listed(trial, near, square + 101)
      for (const kernel of [wasm, segmented]) {
        const end: Array<number> = []
        for (const chunk of kernel.primes(from, square + 101)) end.push(...chunk.filter((prime) => prime >= near))
        assert.deepStrictEqual(end, expected)
      }
      assert.strictEqual(wasm.count(from, near) + expected.length, wasm.count(from, square + 101))
    },
    { arbitrary: { runs: 60 } }
  )

  it.prop(
    "wasm: the counts of two parts add up to the count of the whole",
    [int(0, 10 ** 12), int(0, 6 * 10 ** 7), int(0, 6 * 10 ** 7)],
    ([from, a, b]) => {
      const [middle, to] = [from + Math.min(a, b), from + Math.max(a, b)]
      assert.strictEqual(wasm.count(from, middle) + wasm.count(middle, to), wasm.count(from, to))
    },
    { arbitrary: { runs: 60 } }
  )

  it("wasm and segmented list primes in chunks of at most 65,536", () => {
    for (const kernel of [wasm, segmented]) {
      for (const chunk of kernel.primes(0, 10 ** 7)) assert.isAtMost(chunk.length, 65_536)
    }
  })
})
