/** The worker threads of a server: each listens on the port that all share, and is replaced when it ends. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import * as NodeWorkerGroup from "./NodeWorkerGroup.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"

const workerProgram = NodeModuleUrl.sibling(import.meta.url, "NodeSessionThread")

/** Starts a thread. Its stdout goes to stderr, with the logs: stdout is for the results of this process. */
export const spawn = (
  data: WorkerMessage.ThreadData,
  listeners: NodeWorkerHandle.Listeners<WorkerMessage.FromWorker>
) => {
  const onStdout = (bytes: Uint8Array) => void process.stderr.write(bytes)
  return NodeWorkerHandle.thread<WorkerMessage.ToWorker, WorkerMessage.FromWorker>(
    workerProgram,
    { workerData: data, onStdout },
    listeners
  )
}

/** Time that a thread has after the drain timeout to end on its own. */
const drainGraceMillis = 1_500

/** Returns an empty pool. Closing the scope drains its threads for at most `drainTimeout` and ends them. */
export const make = Effect.fnUntraced(function* (
  module: string,
  sharedState: SharedStateServer.SharedStateServer,
  drainTimeout: Duration.Input,
  workerTimeoutMillis: number
) {
  const ids = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  /** First messages to the threads, and their places: those of the threads that run, and those to be started. */
  let starts: ReadonlyArray<WorkerMessage.Start> = []
  const running = new Map<number, number>()
  const missing: Array<number> = []

  const group = yield* NodeWorkerGroup.make({
    noun: "worker thread",
    module,
    sharedState,
    workerTimeoutMillis,
    onUnresponsive: "the kernel still gives it clients, until it is terminated",
    spawn: (id, listeners) => {
      const place = missing.pop()!
      running.set(id, place)
      return spawn({ start: starts[place]!, ids }, listeners)
    },
    onMessage: (id, { _tag }) => {
      if (_tag === "Drained") group.supervisor.kill(id, "was drained")
    },
    onEnd: ({ id }) => {
      missing.push(running.get(id)!)
      running.delete(id)
      return "starting another"
    }
  })
  const drainMillis = Duration.toMillis(drainTimeout) + drainGraceMillis
  const drain = group.supervisor.drain(drainMillis)
  yield* Effect.addFinalizer(() => drain)

  return {
    /** Starts a thread for each element, and waits until all listen. */
    start: (all: ReadonlyArray<WorkerMessage.Start>) =>
      Effect.suspend(() => {
        starts = all
        missing.push(...all.keys())
        return group.start(all.length)
      }),
    /** Gives new limits to all threads, also to those that start later. */
    reconfigure: (limitsOf: (place: number) => WorkerMessage.Limits) => {
      starts = starts.map((start, place) => ({ ...start, limits: limitsOf(place) }))
      for (const [id, place] of running) group.post(id, { _tag: "Reconfigure", limits: limitsOf(place) })
    },
    events: group.events,
    refreshStats: group.refreshStats,
    stats: group.stats,
    drain
  }
})
