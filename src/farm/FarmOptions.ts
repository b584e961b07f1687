/** The options of a run. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as FarmCheckpoint from "./FarmCheckpoint.ts"
import type { FarmError } from "./FarmError.ts"
import type { Workers } from "./Worker.ts"

/** The options of `Farm.stream`, and the common ones of `Farm.run`. @category models @since 0.1.0 */
export interface Options {
  /** The pool of workers: it is started with the run and ends with it. `Worker.concat` combines pools. */
  readonly workers: Workers
  /**
   * The time after which a packet without a result goes to another worker as well; this counts as a failed attempt.
   * Default 30 seconds. It must be longer than any packet takes.
   */
  readonly lease?: Duration.Input | undefined
  /** The number of failed attempts at one packet after which the run fails. Default 3. */
  readonly maxAttempts?: number | undefined
  /** The time that one packet should take: packet sizes adapt to it. Default 100 ms. */
  readonly targetDuration?: Duration.Input | undefined
  /** The units in each packet, instead of an adaptive size: a whole number, 1 or more. */
  readonly packetSize?: number | undefined
  /** True for results in the order of the packets. Default false: in the order in which they are done. */
  readonly ordered?: boolean | undefined
  /**
   * The packets that may be split off while their results are not consumed: a whole number, 1 or more. The limit makes
   * a slow consumer, or an early packet that is late, hold the source back. Default 64 for each worker; unlimited for a
   * `run` that is not ordered.
   */
  readonly bufferSize?: number | undefined
}

/** The options of `Farm.run`. @category models @since 0.1.0 */
export interface RunOptions extends Options {
  /**
   * The store of the run's state: a run continues from it, and removes it at its end. A checkpoint of another job or
   * another input is refused.
   */
  readonly checkpoint?: FarmCheckpoint.Checkpoint | undefined
  /** The time between two writes of the checkpoint. Default 5 seconds. */
  readonly checkpointInterval?: Duration.Input | undefined
}

/** The checkpoint side of one run. */
export interface Checkpointer<Packet, Output> {
  /** The state from which the run continues. */
  readonly resumed: FarmCheckpoint.State<Packet, Output> | undefined
  /** Waits for the end of the run, and writes its state at intervals until then. */
  readonly saveWhile: <A>(
    ended: Effect.Effect<A, FarmError>,
    state: () => FarmCheckpoint.State<Packet, Output> | undefined
  ) => Effect.Effect<A, FarmError>
}
