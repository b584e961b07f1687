/** The worker threads of a server: each listens on the port that all share, and is replaced when it ends. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import * as NodeWorkerGroup from "./NodeWorkerGroup.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"

const workerProgram = NodeModuleUrl.sibling(import.meta.url, "NodeSessionThread")

/** Time that a thread has after the drain timeout to end on its own. */
const drainGraceMillis = 1_500

/** Returns an empty pool. Closing the scope drains its threads for at most `drainTimeout` and ends them. */
export const make = Effect.fnUntraced(function* (
  module: string,
  sharedState: SharedStateServer.SharedStateServer,
  drainTimeout: Duration.Input
) {
  const ids = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  /** First messages to the threads that run, and to those that are to be started. */
  const running = new Map<number, WorkerMessage.Start>()
  const missing: Array<WorkerMessage.Start> = []

  const group = yield* NodeWorkerGroup.make({
    noun: "worker thread",
    module,
    sharedState,
    spawn: (id, listeners) => {
      const start = missing.pop()!
      running.set(id, start)
      // The thread's stdout goes to stderr, with the logs: stdout is for the results of this process.
      const onStdout = (bytes: Uint8Array) => void process.stderr.write(bytes)
      const options = { workerData: { start, ids }, onStdout }
      return NodeWorkerHandle.thread<WorkerMessage.ToWorker, WorkerMessage.FromWorker>(
        workerProgram,
        options,
        listeners
      )
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
    start: (starts: ReadonlyArray<WorkerMessage.Start>) =>
      Effect.suspend(() => {
        missing.push(...starts)
        return group.start(starts.length)
      }),
    events: group.events,
    refreshStats: group.refreshStats,
    stats: group.stats,
    drain
  }
})
