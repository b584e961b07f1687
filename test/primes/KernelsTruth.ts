/** What kernels are held against, and ranges where they might go wrong. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Kernel } from "../../src/primes/Kernel.ts"

/** A whole number of a range, both ends included. */
export const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** How many primes there are up to 10, 100, 1,000 ... */
export const pi = [4, 25, 168, 1_229, 9_592, 78_498, 664_579, 5_761_455]

/** Numbers that a kernel looks at before it goes on to its next window or stripe, or lists its next block. */
export const borders = [2 * 2 ** 17, 30 * 2 ** 13, 30 * 2 ** 15, 30 * 2 ** 19]

/** All that a kernel lists, one chunk after the other. */
export const listed = (kernel: Kernel, from: number, to: number): Array<number> => {
  const primes: Array<number> = []
  // Collected first: a chunk that is used again would be seen.
  for (const chunk of Array.from(kernel.primes(from, to))) primes.push(...chunk)
  return primes
}

/** The least place of an ascending list whose number is not below n. */
const placeOf = (primes: ArrayLike<number>, n: number): number => {
  let [low, high] = [0, primes.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (primes[middle]! < n) low = middle + 1
    else high = middle
  }
  return low
}

/** The primes of a range, out of an ascending list. */
export const within = (primes: ReadonlyArray<number>, from: number, to: number): ReadonlyArray<number> =>
  primes.slice(placeOf(primes, from), placeOf(primes, to))

/** Ranges of up to so many numbers that begin so far above a base, or less: short ones as likely as long ones. */
export const ranges = (base: number, above: number, length: number) =>
  Arbitrary.map(
    Arbitrary.all([Arbitrary.schema(int(0, above)), Arbitrary.schema(int(0, length)), Arbitrary.schema(int(0, 30))]),
    ([begin, length, shift]) => ({ from: base + begin, to: base + begin + (length >>> shift) })
  )
