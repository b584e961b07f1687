/**
 * The course's algorithm, trial division: each number is divided by every possible divisor. Here 0 and 1 are not
 * primes. It is slow, and so simple that the other kernels are checked against it.
 */
import * as Kernel from "./Kernel.ts"

/**
 * Returns true if a whole number of 0 to 2^53 is a prime. It takes half as many divisions as the root of the number.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPrime = (n: number): boolean => {
  if (n < 4) return n > 1
  if (n % 2 === 0) return false
  for (let divisor = 3; divisor * divisor <= n; divisor += 2) {
    if (n % divisor === 0) return false
  }
  return true
}

/** Trial division: some millions of numbers a second at 10^6, some hundreds at 10^15. @category kernels @since 0.1.0 */
export const trial: Kernel.Kernel = Kernel.make({
  name: "trial",
  count: (from, to, signal) => {
    let sum = 0
    for (let n = from; n < to && !signal?.stopped(); n++) {
      if (isPrime(n)) sum++
    }
    return sum
  },
  primes: function* (from, to) {
    for (let n = from; n < to; n++) {
      if (isPrime(n)) yield Float64Array.of(n)
    }
  }
})
