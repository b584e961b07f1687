/**
 * A job for a farm: `split` makes packets of the input, `work` turns each into a result, `merge` combines the results.
 * A job is a module that exports it as `job`, so that threads and other machines can load the same code.
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"

/** The cancellation signal of a packet, for the work on it. @category models @since 0.1.0 */
export interface StopSignal {
  /**
   * True once the result is not needed any more. Long work checks it every few milliseconds and then returns any value,
   * which is discarded. Work that does not check it is killed together with its worker after a grace period.
   */
  readonly stopped: () => boolean
  /**
   * Aborts once the result is not needed any more: for promises, as in `fetch(url, { signal })`. A loop that never
   * waits reads `stopped`, because nothing can abort a signal meanwhile. The signal is made when it is first read.
   */
  readonly signal: AbortSignal
}

/**
 * The signal of work that is never cancelled, for a call of `work` outside of a farm.
 *
 * @category constants
 * @since 0.1.0
 */
export const neverStopped: StopSignal = {
  stopped: () => false,
  get signal() {
    return new AbortController().signal
  }
}

/** A packet with its size. @category models @since 0.1.0 */
export interface SizedPacket<Packet> {
  readonly packet: Packet
  /** The units of work in the packet, at least 1. */
  readonly units: number
}

/** A source of packets of any size, which splits them off on demand. @category models @since 0.1.0 */
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

/**
 * The packets of an input, taken on demand: a `Splitter`, which adapts their sizes, an iterable, an async iterable or a
 * stream. An element of the others is a packet of one unit, or a `SizedPacket`.
 *
 * @category models
 * @since 0.1.0
 */
export type Source<Packet> =
  | Splitter<Packet>
  | Iterable<Packet | SizedPacket<Packet>>
  | AsyncIterable<Packet | SizedPacket<Packet>>
  | Stream.Stream<Packet | SizedPacket<Packet>, unknown>

/**
 * The return value of work: a result, a promise of it, or an Effect. A rejection or failure is a failed attempt at the
 * packet. An Effect is interrupted when its packet is cancelled; a promise that ignores the signal is killed, as a loop
 * that does not check it.
 *
 * @category models
 * @since 0.1.0
 */
export type Computation<Result, R = unknown> = Result | Promise<Result> | Effect.Effect<Result, unknown, R>

/**
 * The buffers that a thread moves instead of copying them, by the packet or result that contains them. Buffers that are
 * shared stay shared, and other machines receive copies.
 *
 * A packet whose buffers are moved is tried once: the farm has it no more, so that a failed attempt ends the packet,
 * and no other worker tries it as well. `merge` and the consumer of a stream see its buffers empty.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transfer<Packet, Result> {
  readonly packet?: ((packet: Packet) => ReadonlyArray<ArrayBufferLike>) | undefined
  readonly result?: ((result: Result) => ReadonlyArray<ArrayBufferLike>) | undefined
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
   * Computes the result of a packet. It is deterministic: a packet may be worked on more than once, and one of its
   * results is merged. A worker has one packet at a time; work that waits for others does so for several units at once.
   */
  readonly work: (packet: Packet, signal: StopSignal) => Computation<Result>
  /**
   * The services of an Effect: built when a worker starts and released when it ends, so that its packets share them. A
   * worker whose layer fails does not start.
   */
  readonly layer?: Layer.Layer<never, unknown> | undefined
  readonly transfer?: Transfer<Packet, Result> | undefined
}

/** The work of a job with the services that it requires: `layer` provides them. @category models @since 0.1.0 */
export type Definition<Input, Packet, Result, Output, R> = Omit<
  Job<Input, Packet, Result, Output>,
  "work" | "layer"
> & { readonly work: (packet: Packet, signal: StopSignal) => Computation<Result, R> } & LayerFor<NoInfer<R>>

/** A layer for the services R: required if there are any, unless they are unknown because `make` was applied before. */
type LayerFor<R> = [R] extends [never]
  ? Pick<Work<never, never>, "layer">
  : unknown extends R
    ? Pick<Work<never, never>, "layer">
    : { readonly layer: Layer.Layer<R, unknown> }

/** The JSON codecs of input and output in a checkpoint. @category models @since 0.1.0 */
export interface CheckpointCodecs<Input, Output> {
  readonly input: Schema.Codec<Input, unknown>
  readonly output: Schema.Codec<Output, unknown>
}

/** A job for a farm. @category models @since 0.1.0 */
export interface Job<Input, Packet, Result, Output> extends Work<Packet, Result> {
  readonly split: (input: Input) => Source<Packet>
  /** The output of a job without packets. `merge` must not modify it. */
  readonly empty: Output
  /** Adds a result to the output. Called once for each packet; in the order of the packets if the run is `ordered`. */
  readonly merge: (output: Output, result: Result, packet: Packet) => Output
  /** The codecs for checkpoints: needed for a run with a checkpoint only. */
  readonly checkpoint?: CheckpointCodecs<Input, Output> | undefined
}

/**
 * Returns a job unchanged, with its types inferred. A job whose work requires services has a layer for them.
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
 * job.work({ from: 0, to: 4 }, Job.neverStopped) // => 14
 * ```
 *
 * **Example** (Work that is an Effect with a service)
 *
 * ```ts
 * import * as Context from "effect/Context"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import { Job } from "effect-inet/farm"
 *
 * class Rates extends Context.Service<Rates, { readonly euros: (dollars: number) => number }>()("Rates") {}
 *
 * const job = Job.make({
 *   ...{ name: "euros", version: 1, packet: Schema.Array(Schema.Number), result: Schema.Array(Schema.Number) },
 *   split: () => ({ total: 0, next: () => undefined }),
 *   work: (dollars) => Effect.map(Rates, ({ euros }) => dollars.map(euros)),
 *   layer: Layer.succeed(Rates, { euros: (dollars) => dollars * 0.5 }),
 *   empty: 0,
 *   merge: (sum: number, part) => sum + part.length
 * })
 * Effect.isEffect(job.work([1, 2], Job.neverStopped)) // => true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Input, Packet, Result, Output, R = never>(
  job: Definition<Input, Packet, Result, Output, R>
): Job<Input, Packet, Result, Output> => job as Job<Input, Packet, Result, Output>

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
