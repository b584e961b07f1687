/**
 * Work that a farm can do: how it is cut into packets, what is done with each, and how the results make one answer. A
 * job is a module that exports it as `job`, so that threads and other machines can load the same.
 */
import type * as Schema from "effect/Schema"

/** What work on a packet may ask while it runs. @category models @since 0.1.0 */
export interface StopSignal {
  /**
   * Nobody wants the result any more: look between chunks of a few milliseconds, and return anything, which is thrown
   * away. Work that never looks is killed together with its worker after a grace.
   */
  readonly stopped: () => boolean
}

/** A packet, and how many units of work are in it. @category models @since 0.1.0 */
export interface SizedPacket<Packet> {
  readonly packet: Packet
  /** At least 1. */
  readonly units: number
}

/** Cuts packets off one after the other, as they are needed. @category models @since 0.1.0 */
export interface Splitter<Packet> {
  /** How many units there are, where that is known: an endless source has no total. */
  readonly total: number | undefined
  /** The size of the first packet of each worker, where one unit takes no time worth measuring. Default 1. */
  readonly initialSize?: number | undefined
  /**
   * The next packet, of about `size` units (an integer, 1 or more), or `undefined` when all is cut. Where one cut ends,
   * the next begins: a checkpoint is resumed by skipping as many units as were cut before.
   */
  readonly next: (size: number) => SizedPacket<Packet> | undefined
}

/** The part of a job that a worker needs. @category models @since 0.1.0 */
export interface Work<Packet, Result> {
  readonly name: string
  /** Raised when packets or results change their meaning: workers and checkpoints of another version are refused. */
  readonly version: number
  /** Encoded, a packet is what structured cloning takes; for workers on other machines it is JSON. */
  readonly packet: Schema.Codec<Packet, unknown>
  readonly result: Schema.Codec<Result, unknown>
  /** Synchronous, and the same for the same packet wherever it runs: it may run more than once, and counts once. */
  readonly work: (packet: Packet, signal: StopSignal) => Result
}

/** How input and output are written to a checkpoint, as JSON. @category models @since 0.1.0 */
export interface CheckpointCodecs<Input, Output> {
  readonly input: Schema.Codec<Input, unknown>
  readonly output: Schema.Codec<Output, unknown>
}

/** Work for a farm. @category models @since 0.1.0 */
export interface Job<Input, Packet, Result, Output> extends Work<Packet, Result> {
  readonly split: (input: Input) => Splitter<Packet>
  /** The answer when there are no packets. `merge` must not change it. */
  readonly empty: Output
  /** Called once for each packet, in the order in which results come unless the run is `ordered`. */
  readonly merge: (output: Output, result: Result, packet: Packet) => Output
  /** Needed for checkpoints only. */
  readonly checkpoint?: CheckpointCodecs<Input, Output> | undefined
}

/**
 * A job as it is, with its types found out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>
): Job<Input, Packet, Result, Output> => job

/** The splitter of the whole numbers `from <= n < to`: a unit is a number. @category constructors @since 0.1.0 */
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
