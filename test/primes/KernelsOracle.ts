/** The reference values for kernels, and generators of ranges. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Kernel } from "../../src/primes/Kernel.ts"

/** A schema of whole numbers in a range, both ends included. */
export const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The counts of primes up to 10, 100, 1,000 ... */
export const pi = [4, 25, 168, 1_229, 9_592, 78_498, 664_579, 5_761_455]

/** The numbers in a window of segmented, and in a list block, a stripe and a window of wasm. */
export const borders = [2 * 2 ** 17, 30 * 2 ** 13, 30 * 2 ** 15, 30 * 2 ** 19]

/** Collects the chunks that a kernel lists. */
export const listed = (kernel: Kernel, from: number, to: number): Array<number> => {
  const primes: Array<number> = []
  // All chunks are collected before they are read: a chunk that is used again would be wrong.
  for (const chunk of Array.from(kernel.primes(from, to))) primes.push(...chunk)
  return primes
}

/** Finds the first index of an ascending list whose number is at least n. */
const indexOf = (primes: ArrayLike<number>, n: number): number => {
  let [low, high] = [0, primes.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (primes[middle]! < n) low = middle + 1
    else high = middle
  }
  return low
}

/** Selects the primes of a range from an ascending list. */
export const within = (primes: ReadonlyArray<number>, from: number, to: number): ReadonlyArray<number> =>
  primes.slice(indexOf(primes, from), indexOf(primes, to))

/** Generates ranges of up to `length` numbers, at most `above` over a base: short and long ones are equally likely. */
export const ranges = (base: number, above: number, length: number) =>
  Arbitrary.map(
    Arbitrary.all([Arbitrary.schema(int(0, above)), Arbitrary.schema(int(0, length)), Arbitrary.schema(int(0, 30))]),
    ([begin, length, shift]) => ({ from: base + begin, to: base + begin + (length >>> shift) })
  )
