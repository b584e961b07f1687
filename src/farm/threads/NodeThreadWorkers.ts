/** The threads of this process as workers of a farm. */
import * as Os from "node:os"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import * as Worker from "../Worker.ts"
import * as NodeThreadWorker from "./NodeThreadWorker.ts"

/** The options of a pool of threads. @category models @since 0.1.0 */
export interface ThreadOptions {
  /** The module that exports the `job`, as a URL or an absolute path: each thread imports it. */
  readonly module: string | URL
  /** The number of threads. Default: the available processors. */
  readonly threads?: number | undefined
  /** The most packets in each thread, waiting and running. Default 1,024: only tiny packets need that many. */
  readonly capacity?: number | undefined
  /** The time for which cancelled work may continue before its thread is killed. Default 1 second. */
  readonly gracePeriod?: Duration.Input | undefined
}

const invalidOptions = (message: string) => new FarmError({ reason: new InvalidOptions({ message }) })

/**
 * Starts threads, which end with the scope. A thread that crashes loses its own packets only, and is replaced, after
 * growing delays if that repeats. A worker whose threads crash several times without a packet in progress is given up.
 * Fails with `ModuleLoadFailed` if a thread cannot load the job.
 *
 * **Example** (Running a job of your own on every processor)
 *
 * ```ts no-run
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { Farm, Job, NodeThreadWorkers } from "effect-inet/farm"
 *
 * // This module is `squares.ts`: the threads import it for its `job`.
 * export const job = Job.make({
 *   name: "squares",
 *   version: 1,
 *   packet: Schema.Struct({ from: Schema.Int, to: Schema.Int }),
 *   result: Schema.Int,
 *   split: (limit: number) => Job.range(0, limit),
 *   work: ({ from, to }) => Array.from({ length: to - from }, (_, at) => (from + at) ** 2).reduce((a, b) => a + b, 0),
 *   empty: 0,
 *   merge: (sum, part) => sum + part
 * })
 *
 * // This is another module, which runs it.
 * const workers = NodeThreadWorkers.make({ module: new URL("./squares.ts", import.meta.url) })
 * await Effect.runPromise(Effect.flatMap(Farm.run(job, 1_000_000, { workers }), Console.log))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: ThreadOptions): Worker.Workers =>
  Effect.suspend(() => {
    const { capacity = 1_024, gracePeriod = "1 second", module, threads = Os.availableParallelism() } = options
    for (const [what, count] of Object.entries({ threads, capacity })) {
      if (Number.isInteger(count) && count > 0) continue
      const message = `invalid ${what} ${count}: must be a whole number, at least 1`
      return Effect.fail(invalidOptions(message))
    }
    const pathError = NodeModuleUrl.relativePathError(String(module))
    if (pathError !== undefined) return Effect.fail(invalidOptions(pathError))
    const settings = { module: String(module), capacity, gracePeriodMillis: Duration.toMillis(gracePeriod) }
    return Effect.forEach(
      Array.from({ length: threads }, (_, index) => `thread ${index + 1}`),
      (name) => NodeThreadWorker.make({ ...settings, name }),
      { concurrency: "unbounded" }
    ).pipe(Effect.map(Worker.pool))
  })
