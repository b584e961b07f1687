/** How a farm works: the options of a run. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import type * as FarmCheckpoint from "./FarmCheckpoint.ts"
import type { FarmError } from "./FarmError.ts"
import type { Progress } from "./Progress.ts"
import type { Workers } from "./Worker.ts"

/** How a farm works. @category models @since 0.1.0 */
export interface Options {
  /** Pools are made with the run and end with it; `Worker.all` mixes them. */
  readonly workers: Workers
  /**
   * How long a worker may keep a packet before another gets it too, which counts as a failure. Default 30 seconds, and
   * to be longer than any packet takes.
   */
  readonly lease?: Duration.Input | undefined
  /** How often a packet may fail before the run does. Default 3. */
  readonly maxAttempts?: number | undefined
  /** How long a packet should take; its size adapts to that. Default 100 ms. */
  readonly targetDuration?: Duration.Input | undefined
  /** Units in each packet, instead of a size that adapts. */
  readonly packetSize?: number | undefined
  /** Results come in the order of the packets. Default false: as they are done. */
  readonly ordered?: boolean | undefined
  /**
   * How many packets may be cut whose results are not taken yet, so that a slow reader, or an early packet that is
   * late, holds the source back. Default 64 for each worker, and unlimited for a `run` that is not ordered.
   */
  readonly bufferSize?: number | undefined
  /** Is kept up to date: see `Progress.make`. */
  readonly progress?: SubscriptionRef.SubscriptionRef<Progress> | undefined
}

/** How a run works. @category models @since 0.1.0 */
export interface RunOptions extends Options {
  /** Where the run goes on if it was killed; one of another job or input is refused. Gone when the run is done. */
  readonly checkpoint?: FarmCheckpoint.Checkpoint | undefined
  /** How often it is written. Default 5 seconds. */
  readonly checkpointInterval?: Duration.Input | undefined
}

/** Writes the checkpoints of a run. */
export interface Checkpointer<Packet, Output> {
  readonly resumed: FarmCheckpoint.State<Packet, Output> | undefined
  /** Runs until the work has ended. */
  readonly saveWhile: <A>(
    ended: Effect.Effect<A, FarmError>,
    state: () => FarmCheckpoint.State<Packet, Output> | undefined
  ) => Effect.Effect<A, FarmError>
}
