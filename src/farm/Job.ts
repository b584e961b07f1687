/**
 * A job for a farm: `split` makes packets of the input, `work` turns each into a result, `merge` combines the results.
 * A job is a module that exports it as `job`, so that threads and other machines can load the same code.
 */
import type * as Schema from "effect/Schema"

/** The cancellation signal of a packet, for the work on it. @category models @since 0.1.0 */
export interface StopSignal {
  /**
   * True once the result is not needed any more. Long work checks it every few milliseconds and then returns any value,
   * which is discarded. Work that does not check it is killed together with its worker after a grace period.
   */
  readonly stopped: () => boolean
}

/** A packet with its size. @category models @since 0.1.0 */
export interface SizedPacket<Packet> {
  readonly packet: Packet
  /** The units of work in the packet, at least 1. */
  readonly units: number
}

/** A source of packets, which splits them off one after the other on demand. @category models @since 0.1.0 */
export interface Splitter<Packet> {
  /** The total number of units; `undefined` if it is unknown or the source is endless. */
  readonly total: number | undefined
  /** The units of each worker's first packet, for jobs in which a unit takes too little time to measure. Default 1. */
  readonly initialSize?: number | undefined
  /**
   * Splits off the next packet, of about `size` units (a whole number, 1 or more); `undefined` at the end. Packets are
   * consecutive. A job with checkpoints never exceeds `size`, because a resumed run skips exactly the units that were
   * split off before.
   */
  readonly next: (size: number) => SizedPacket<Packet> | undefined
}

/** The part of a job that a worker needs. @category models @since 0.1.0 */
export interface Work<Packet, Result> {
  readonly name: string
  /** The version of the packets and results: workers and checkpoints of another version are refused. */
  readonly version: number
  /**
   * The schema of a packet. Its encoded form must be cloneable by structured clone, and JSON for remote workers and
   * checkpoints.
   */
  readonly packet: Schema.Codec<Packet, unknown>
  readonly result: Schema.Codec<Result, unknown>
  /**
   * Computes the result of a packet. It is synchronous and deterministic: a packet may be worked on more than once, and
   * one of its results is merged.
   */
  readonly work: (packet: Packet, signal: StopSignal) => Result
}

/** The JSON codecs of input and output in a checkpoint. @category models @since 0.1.0 */
export interface CheckpointCodecs<Input, Output> {
  readonly input: Schema.Codec<Input, unknown>
  readonly output: Schema.Codec<Output, unknown>
}

/** A job for a farm. @category models @since 0.1.0 */
export interface Job<Input, Packet, Result, Output> extends Work<Packet, Result> {
  readonly split: (input: Input) => Splitter<Packet>
  /** The output of a job without packets. `merge` must not modify it. */
  readonly empty: Output
  /** Adds a result to the output. Called once for each packet; in the order of the packets if the run is `ordered`. */
  readonly merge: (output: Output, result: Result, packet: Packet) => Output
  /** The codecs for checkpoints: needed for a run with a checkpoint only. */
  readonly checkpoint?: CheckpointCodecs<Input, Output> | undefined
}

/**
 * Returns a job unchanged, with its types inferred.
 *
 * **Example** (Defining a job that sums squares)
 *
 * ```ts
 * import * as Schema from "effect/Schema"
 * import { Job } from "effect-inet/farm"
 *
 * export const job = Job.make({
 *   name: "squares",
 *   version: 1,
 *   packet: Schema.Struct({ from: Schema.Int, to: Schema.Int }),
 *   result: Schema.Int,
 *   split: (limit: number) => Job.range(0, limit),
 *   work: ({ from, to }) => {
 *     let sum = 0
 *     for (let n = from; n < to; n++) sum += n * n
 *     return sum
 *   },
 *   empty: 0,
 *   merge: (sum, part) => sum + part
 * })
 *
 * job.work({ from: 0, to: 4 }, { stopped: () => false }) // => 14
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>
): Job<Input, Packet, Result, Output> => job

/** Makes the splitter of the whole numbers `from <= n < to`: a unit is a number. @category constructors @since 0.1.0 */
export const range = (from: number, to: number): Splitter<{ readonly from: number; readonly to: number }> => {
  let at = from
  return {
    total: Math.max(0, to - from),
    next: (size) => {
      if (at >= to) return undefined
      const packet = { from: at, to: Math.min(to, at + size) }
      at = packet.to
      return { packet, units: packet.to - packet.from }
    }
  }
}
