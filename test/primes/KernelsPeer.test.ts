/** Kernels compared with primesieve, an independent program: near powers, and up to the largest number. */
import { execFileSync, spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { upperLimit } from "../../src/primes/Kernel.ts"
import { kernels } from "../../src/primes/Kernels.ts"
import { listed, ranges, within } from "./KernelsOracle.ts"

const { segmented, wasm } = kernels

const missing = spawnSync("primesieve", ["--version"]).error !== undefined

const primesieve = (...args: ReadonlyArray<string>) =>
  execFileSync("primesieve", ["--quiet", "--threads=1", ...args], { encoding: "utf8", maxBuffer: 1 << 26 }).trim()

const listOf = (from: number, to: number) =>
  primesieve(`${from}`, `${to - 1}`, "--print")
    .split("\n")
    .map(Number)

/** Places to compare: the base, the number of ranges, and the fraction 1/slower for which all kernels are compared. */
const places = [
  { name: "0", base: 0, runs: 400, slower: 4 },
  { name: "2^32", base: 2 ** 32 - 400_000, runs: 340, slower: 4 },
  { name: "10^12", base: 10 ** 12 - 400_000, runs: 208, slower: 8 },
  { name: "10^15", base: 10 ** 15 - 400_000, runs: 40, slower: 40 },
  { name: "2^53", base: upperLimit - 800_000, runs: 12, slower: 12 }
]

describe.skipIf(missing)(`Kernels and primesieve${missing ? " (skipped: primesieve is not installed)" : ""}`, () => {
  for (const { base, name, runs, slower } of places) {
    const primes = missing ? [] : listOf(base, Math.min(base + 800_000, upperLimit))
    let compared = 0
    it.prop(
      `find the same primes in ${runs} ranges near ${name}`,
      [ranges(base, 400_000, 400_000)],
      ([{ from, to }]) => {
        const expected = within(primes, from, to)
        assert.strictEqual(wasm.count(from, to), expected.length)
        if (compared++ % slower !== 0) return
        assert.deepStrictEqual(listed(wasm, from, to), expected)
        assert.strictEqual(segmented.count(from, to), expected.length)
      },
      { arbitrary: { runs } }
    )
  }

  it("count the same primes in windows with large sieving primes", () => {
    for (const [from, to] of [
      [0, 10 ** 9],
      [10 ** 15, 10 ** 15 + 10 ** 8],
      [upperLimit - 10 ** 8, upperLimit]
    ] as const) {
      assert.strictEqual(wasm.count(from, to), Number(primesieve(`${from}`, `${to - 1}`).replace(/^.*\s/s, "")))
    }
  })
})
