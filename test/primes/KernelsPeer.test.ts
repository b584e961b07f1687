/** Kernels against primesieve, which shares nothing with them: near the powers, and up to the last number they know. */
import { execFileSync, spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { upperLimit } from "../../src/primes/Kernel.ts"
import { kernels } from "../../src/primes/Kernels.ts"
import { listed, ranges, within } from "./KernelsTruth.ts"

const { segmented, wasm } = kernels

const missing = spawnSync("primesieve", ["--version"]).error !== undefined

const primesieve = (...args: ReadonlyArray<string>) =>
  execFileSync("primesieve", ["--quiet", "--threads=1", ...args], { encoding: "utf8", maxBuffer: 1 << 26 }).trim()

const listOf = (from: number, to: number) =>
  primesieve(`${from}`, `${to - 1}`, "--print")
    .split("\n")
    .map(Number)

/** Where, how wide, how many ranges, and every how many of them the slower kernel is asked as well. */
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
    let asked = 0
    it.prop(
      `agree on ${runs} ranges near ${name}`,
      [ranges(base, 400_000, 400_000)],
      ([{ from, to }]) => {
        const right = within(primes, from, to)
        assert.strictEqual(wasm.count(from, to), right.length)
        if (asked++ % slower !== 0) return
        assert.deepStrictEqual(listed(wasm, from, to), right)
        assert.strictEqual(segmented.count(from, to), right.length)
      },
      { arbitrary: { runs } }
    )
  }

  it("agree on windows with large sieving primes", () => {
    for (const [from, to] of [
      [0, 10 ** 9],
      [10 ** 15, 10 ** 15 + 10 ** 8],
      [upperLimit - 10 ** 8, upperLimit]
    ] as const) {
      assert.strictEqual(wasm.count(from, to), Number(primesieve(`${from}`, `${to - 1}`).replace(/^.*\s/s, "")))
    }
  })
})
