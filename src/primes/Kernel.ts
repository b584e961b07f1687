/**
 * The interface of a kernel: an algorithm that counts and lists primes. `Trial`, `Segmented` and `Wheel` are kernels,
 * `Kernels` has them by name.
 */
import type { StopSignal } from "../farm/Job.ts"

/** The end of the numbers that kernels support: 2^53. @category constants @since 0.1.0 */
export const upperLimit = 2 ** 53

/** An algorithm that finds the primes p of a half-open range, `from <= p < to`. @category models @since 0.1.0 */
export interface Kernel {
  readonly name: string
  /**
   * Counts the primes. It checks the signal between windows, a few milliseconds apart where numbers are small; once the
   * signal is set, it returns a part of the count.
   */
  readonly count: (from: number, to: number, signal?: Pick<StopSignal, "stopped"> | undefined) => number
  /** Lists the primes, ascending, in new arrays of at most 65,536. They are found while the list is iterated. */
  readonly primes: (from: number, to: number) => Iterable<Float64Array>
}

const clamp = (n: number) => Math.min(Math.max(0, Math.ceil(n)), upperLimit) || 0

/**
 * Makes a kernel that accepts any two numbers. It finds none below 0, above 2^53, or in a range that ends
 * before it begins; NaN counts as 0. The given functions receive whole numbers, `0 <= from < to <= 2^53`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ count, name, primes }: Kernel): Kernel => ({
  name,
  count: (from, to, signal) => (clamp(from) < clamp(to) ? count(clamp(from), clamp(to), signal) : 0),
  primes: (from, to) => (clamp(from) < clamp(to) ? primes(clamp(from), clamp(to)) : [])
})
