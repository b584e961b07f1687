/**
 * Ways to count primes: what they have in common. A kernel is a value; `Trial`, `Segmented` and `Wheel` are those there
 * are, `Kernels` has them by name.
 */
import type { StopSignal } from "../farm/Job.ts"

/** The end of the numbers that kernels know: 2^53. @category constants @since 0.1.0 */
export const upperLimit = 2 ** 53

/** A way to find the primes p of a half-open range, `from <= p < to`. @category models @since 0.1.0 */
export interface Kernel {
  readonly name: string
  /**
   * How many primes there are. The signal is looked at between windows, a few milliseconds apart where numbers are
   * small; once it says stop, the answer is a part of the count.
   */
  readonly count: (from: number, to: number, signal?: StopSignal | undefined) => number
  /** The primes, ascending, in chunks of at most 65,536 that are the caller's to keep. Found while they are taken. */
  readonly primes: (from: number, to: number) => Iterable<Float64Array>
}

const clamp = (n: number) => Math.min(Math.max(0, Math.ceil(n)), upperLimit) || 0

/**
 * A kernel that takes any two numbers: what is asked below 0 or above 2^53 has no primes, nor has a range that ends
 * before it begins; NaN is taken for 0. The functions get whole numbers, `0 <= from < to <= 2^53`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ count, name, primes }: Kernel): Kernel => ({
  name,
  count: (from, to, signal) => (clamp(from) < clamp(to) ? count(clamp(from), clamp(to), signal) : 0),
  primes: (from, to) => (clamp(from) < clamp(to) ? primes(clamp(from), clamp(to)) : [])
})
