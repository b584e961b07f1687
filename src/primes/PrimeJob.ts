/** The job of counting primes on a farm: a packet is a range and the name of a kernel, a result is a count. */
import * as Schema from "effect/Schema"
import * as Job from "../farm/Job.ts"
import { upperLimit } from "./Kernel.ts"
import * as Kernels from "./Kernels.ts"

/** The URL of the module that workers import for the job. @category constants @since 0.1.0 */
export const module: string = import.meta.url

const Bound = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: upperLimit }),
  Schema.makeFilter((n: number) => Number.isInteger(n) || `${n} is not a whole number`)
)

const Count = Schema.Natural

/** The numbers n with `from <= n < to`, and the kernel that counts their primes. @category schemas @since 0.1.0 */
export const Packet = Schema.Struct({ from: Bound, to: Bound, kernel: Schema.Literals(Kernels.names) })

/** A range with its kernel. @category models @since 0.1.0 */
export type Packet = typeof Packet.Type

/**
 * The least size of a sieve's packet, in roots of its end. A sieve first finds the primes up to the root: a packet of
 * this size is worth that.
 */
const minPacketRoots = 4

/** The numbers in each worker's first packet: some milliseconds of work, where numbers are small. */
const initialUnits = { sieve: 1 << 22, trial: 1 << 14 }

/** Computes the least size of a packet. */
const minPacketUnits = ({ kernel, to }: Packet) => (kernel === "trial" ? 1 : minPacketRoots * Math.ceil(Math.sqrt(to)))

/** Makes the splitter of a range into packets that are large enough for its kernel. @category jobs @since 0.1.0 */
export const split = (input: Packet): Job.Splitter<Packet> => {
  const { kernel } = input
  const { next, total } = Job.range(input.from, input.to)
  const floor = minPacketUnits(input)
  return {
    total,
    initialSize: Math.max(floor, kernel === "trial" ? initialUnits.trial : initialUnits.sieve),
    next: (size) => {
      const part = next(Math.max(floor, size))
      return part && { packet: { ...part.packet, kernel }, units: part.units }
    }
  }
}

/**
 * The job that counts the primes of a range, up to 2^53. Its input is a packet, its units are numbers. The farm adapts
 * the size of packets to the time they take, which grows with the root of the numbers.
 *
 * **Example** (Counting on this thread, as a worker does)
 *
 * ```ts
 * import { Job } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const splitter = PrimeJob.split({ from: 0, to: 1_000, kernel: "trial" })
 * const first = splitter.next(100)
 * first // => { packet: { from: 0, to: 100, kernel: "trial" }, units: 100 }
 * PrimeJob.job.work(first!.packet, Job.neverStopped) // => 25
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const job = Job.make<Packet, Packet, number, number>({
  name: "primes",
  version: 1,
  packet: Packet,
  result: Count,
  split,
  work: ({ from, kernel, to }, signal) => Kernels.kernels[kernel].count(from, to, signal),
  empty: 0,
  merge: (sum, count) => sum + count,
  checkpoint: { input: Packet, output: Count }
})
