/** The threads of this process as workers of a farm. */
import * as Os from "node:os"
import type { ResourceLimits } from "node:worker_threads"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Sweeper from "../../network/Sweeper.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import * as Worker from "../Worker.ts"
import * as NodeThreadWorker from "./NodeThreadWorker.ts"
import * as ThreadEvent from "./ThreadEvent.ts"

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
  /**
   * The limits of the heap and stack of each thread, in MiB. Work that exceeds them loses its thread, and this counts
   * as a failed attempt. Buffers are outside of the heap. Default: the limits of Node.
   */
  readonly resourceLimits?: ResourceLimits | undefined
  /**
   * The number of packets after which a thread is replaced by a new one, for work that leaks memory: 1 or more. No
   * packet is lost or counts as failed. Default: never.
   */
  readonly recycleAfter?: number | undefined
  /**
   * The most bytes in a packet, and in a result, as `bufferBytes` counts them. A packet that is larger fails at once.
   * Default: no limit.
   */
  readonly maxPacketBytes?: number | undefined
  /** Receives deaths and replacements of threads; `Stream.fromQueue` follows it. Default: they are logged. */
  readonly events?: Queue.Enqueue<ThreadEvent.ThreadEvent> | undefined
}

/** A change in a thread of a pool. @category models @since 0.1.0 */
export type Event = ThreadEvent.ThreadEvent

/** The time between two checks of a busy thread, at most. */
const checkIntervalMillis = 50

const invalidOptions = (message: string) => new FarmError({ reason: new InvalidOptions({ message }) })

/**
 * Starts threads, which end with the scope. A thread that crashes loses its own packets only, and is replaced: at once
 * if it worked on a packet, else after growing delays. A worker whose threads crash several times without a packet in
 * progress is given up.
 * Fails with `ModuleLoadFailed` if a thread cannot load the job, or its layer fails.
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
export const make = Effect.fnUntraced(function* (
  options: ThreadOptions
): Effect.fn.Return<Worker.WorkerPool, FarmError, Scope.Scope> {
  const { capacity = 1_024, events, maxPacketBytes, module, recycleAfter, resourceLimits } = options
  const { threads = Os.availableParallelism() } = options
  for (const [what, count = 1] of Object.entries({ threads, capacity, recycleAfter, maxPacketBytes })) {
    if (Number.isInteger(count) && count > 0) continue
    return yield* invalidOptions(`invalid ${what} ${count}: must be a whole number, at least 1`)
  }
  const pathError = NodeModuleUrl.relativePathError(String(module))
  if (pathError !== undefined) return yield* invalidOptions(pathError)
  const gracePeriodMillis = Duration.toMillis(options.gracePeriod ?? "1 second")
  if (!(gracePeriodMillis > 0)) {
    return yield* invalidOptions(`invalid gracePeriod ${gracePeriodMillis} ms: must be more than 0`)
  }
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const settings = {
    ...{ module: String(module), capacity, gracePeriodMillis, resourceLimits },
    maxPacketBytes: maxPacketBytes ?? Number.POSITIVE_INFINITY,
    recycleAfter: recycleAfter ?? Number.POSITIVE_INFINITY,
    sweeper: yield* Sweeper.make(Math.min(checkIntervalMillis, gracePeriodMillis / 4)),
    publish: (event: Event) => void fork(events === undefined ? ThreadEvent.log(event) : Queue.offer(events, event))
  }
  const workers = yield* Effect.forEach(
    Array.from({ length: threads }, (_, index) => `thread ${index + 1}`),
    (name) => NodeThreadWorker.make({ ...settings, name }),
    { concurrency: "unbounded" }
  )
  return Worker.pool(workers)
})
