/** Counting primes as work for a farm: a packet is a range and the name of a kernel, a result the count. */
import * as Schema from "effect/Schema"
import * as Job from "../farm/Job.ts"
import { upperLimit } from "./Kernel.ts"
import * as Kernels from "./Kernels.ts"

/** Where workers load the job from. @category constants @since 0.1.0 */
export const module: string = import.meta.url

const Bound = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: upperLimit }),
  Schema.makeFilter((n: number) => Number.isInteger(n) || `${n} is not a whole number`)
)

const Count = Schema.Natural

/** The numbers n with `from <= n < to`, and who looks for primes among them. @category schemas @since 0.1.0 */
export const Packet = Schema.Struct({ from: Bound, to: Bound, kernel: Schema.Literals(Kernels.names) })

/** @category models @since 0.1.0 */
export type Packet = typeof Packet.Type

/** A sieve first finds the primes up to the root: a packet of so many times the root makes that worth its while. */
const minPacketRoots = 4

/** Numbers in the first packet: milliseconds, where numbers are small. */
const initialUnits = { sieve: 1 << 22, trial: 1 << 14 }

/** The least size of a packet, in numbers. */
const minPacketUnits = ({ kernel, to }: Packet) => (kernel === "trial" ? 1 : minPacketRoots * Math.ceil(Math.sqrt(to)))

const splitter = (input: Packet): ReturnType<typeof Job.range> => {
  const { next, total } = Job.range(input.from, input.to)
  const floor = minPacketUnits(input)
  return {
    total,
    initialSize: Math.max(floor, input.kernel === "trial" ? initialUnits.trial : initialUnits.sieve),
    next: (size) => next(Math.max(floor, size))
  }
}

/**
 * Counts the primes of a range, up to 2^53. The input is as large a packet; units are numbers. The farm adapts the size
 * of packets to the time they take, which grows with the root of the numbers.
 *
 * @category jobs
 * @since 0.1.0
 */
export const job = Job.make<Packet, Packet, number, number>({
  name: "primes",
  version: 1,
  packet: Packet,
  result: Count,
  split: (input) => {
    const { next, ...rest } = splitter(input)
    return {
      ...rest,
      next: (size) => {
        const cut = next(size)
        return cut && { packet: { ...cut.packet, kernel: input.kernel }, units: cut.units }
      }
    }
  },
  work: ({ from, kernel, to }, signal) => Kernels.kernels[kernel].count(from, to, signal),
  empty: 0,
  merge: (sum, count) => sum + count,
  checkpoint: { input: Packet, output: Count }
})
