/** Worker threads of this process as workers of a farm. */
import * as Os from "node:os"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import type { Workers } from "../Worker.ts"
import * as NodeThreadWorker from "./NodeThreadWorker.ts"

/** A pool of threads. @category models @since 0.1.0 */
export interface ThreadOptions {
  /** The module that exports the `job`: threads load it again. */
  readonly module: string | URL
  /** Default: one for each core. */
  readonly threads?: number | undefined
  /** How many packets a thread holds at most. Default 1,024: few are needed unless packets are tiny. */
  readonly capacity?: number | undefined
  /** How long cancelled work may go on before its thread is killed. Default 1 second. */
  readonly gracePeriod?: Duration.Input | undefined
}

/**
 * Starts threads, which end with the scope. One that dies takes its own packets with it and no others, and is replaced,
 * after ever longer if that happens again; one that dies several times before it has had a packet is gone. Fails with
 * `Module` if they cannot load the job.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: ThreadOptions): Workers =>
  Effect.suspend(() => {
    const { capacity = 1_024, gracePeriod = "1 second", module, threads = Os.availableParallelism() } = options
    for (const [what, count] of Object.entries({ threads, capacity })) {
      if (Number.isInteger(count) && count > 0) continue
      return Effect.fail(new FarmError({ reason: new InvalidOptions({ message: `${count} ${what}: give 1 or more` }) }))
    }
    const settings = { module: String(module), capacity, gracePeriodMillis: Duration.toMillis(gracePeriod) }
    return Effect.forEach(
      Array.from({ length: threads }, (_, index) => `thread ${index + 1}`),
      (name) => NodeThreadWorker.make({ ...settings, name }),
      { concurrency: "unbounded" }
    )
  })
