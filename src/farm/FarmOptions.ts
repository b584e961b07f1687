/** The options of a run. */
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type * as FarmCheckpoint from "./FarmCheckpoint.ts"
import type { ErrorText } from "./FarmError.ts"
import type { Workers } from "./Worker.ts"

/** When and whether a packet that has failed is tried again. @category models @since 0.1.0 */
export interface RetryOptions {
  /** The delays before the next attempts; at its end the packet is given up. Default: at once. */
  readonly schedule?: Schedule.Schedule<unknown, ErrorText> | undefined
  /**
   * Returns false for an error after which the packet is given up. The data of a tagged error is in `fields`. A worker
   * that was lost or took too long is an error with the name `Lost`, `Expired` or `TimedOut`. Default: true.
   */
  readonly while?: ((error: ErrorText) => boolean) | undefined
}

/** The options of a run on a pool that is started already. @category models @since 0.1.0 */
export interface RunSettings {
  /**
   * The time without any sign of life from a worker after which its packets go to others. A worker that is well gives
   * one each second, however long its work takes: a few seconds are the least that makes sense. Default 30 seconds.
   */
  readonly lease?: Duration.Input | undefined
  /**
   * The time that work on a packet may take: then it has failed, is stopped, and goes to another worker. Default: no
   * limit.
   */
  readonly timeout?: Duration.Input | undefined
  /** The number of failed attempts at one packet after which it is given up. Default 3. */
  readonly maxAttempts?: number | undefined
  /** Default: a packet that has failed is tried again at once, whatever the error. */
  readonly retry?: RetryOptions | undefined
  /**
   * The fate of a packet that is given up. `fail`: the run fails with `PoisonPacket`. `skip`: the run continues
   * without it, and `failures` has it. Default `fail`.
   */
  readonly onPoison?: "fail" | "skip" | undefined
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
  /**
   * The bytes of these packets after which no more are split off: one packet may exceed it. Strings and buffers count
   * with their length, other values with an estimate. Default: no limit.
   */
  readonly bufferBytes?: number | undefined
  /**
   * The fraction of the packets, chosen at random, whose results two workers of different hosts must agree on: 0 to 1.
   * Above 0 it is also the first packet of each host, so that one that always lies is found. If they differ, a third
   * host decides, and the one that had another result is rejected with an event: its workers receive nothing more. A
   * packet fails if no third host can decide, nor joins within a lease, and is accepted as it is while all workers
   * belong to one host. Results are equal if their encoded forms are, so the work must be deterministic.
   *
   * `run` merges all results at its end, so that those of a rejected host are not in its output: a host that gives n
   * wrong results remains undetected with the probability (1 - fraction)^n. A checkpoint then saves only the packets
   * that two hosts agreed on. `stream` emits results at once: wrong ones may precede the detection. Default 0.
   */
  readonly verify?: number | undefined
}

/** The options of `Farm.stream`, and the common ones of `Farm.run`. @category models @since 0.1.0 */
export interface Options extends RunSettings, CheckpointOptions {
  /** The pool of workers: it is started with the run and ends with it. `Worker.concat` combines pools. */
  readonly workers: Workers
}

/** The options of the checkpoint of a run. @category models @since 0.1.0 */
export interface CheckpointOptions {
  /**
   * The store of the run's state: a run continues from it, and removes it at its end. A checkpoint of another job or
   * another input is refused, and one that another process uses.
   */
  readonly checkpoint?: FarmCheckpoint.Checkpoint | undefined
  /** The time between two writes of the checkpoint. Default 5 seconds. */
  readonly checkpointInterval?: Duration.Input | undefined
}

/** The options of `Farm.run`. @category models @since 0.1.0 */
export type RunOptions = Options
