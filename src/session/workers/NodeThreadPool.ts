/** The worker threads of a server: each listens on the port that all share, and is replaced when it ends. */
import { Worker } from "node:worker_threads"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Network from "../../network/Network.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { SessionError } from "../Session.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** Place of one thread in the pool; the thread in it is replaced when it ends. */
interface Slot {
  readonly start: WorkerMessage.Start
  worker: Worker
  channel: SharedStateServer.WorkerChannel
  startMillis: number
  alive: boolean
  stats: TcpServer.Stats
  /** Callbacks for the next report. */
  readonly reportWaiters: Set<() => void>
  /** Callbacks for the end of the drain. */
  readonly drainWaiters: Set<() => void>
}

type Failure = Network.NetworkError | SessionError

const workerProgram = NodeModuleUrl.sibling(import.meta.url, "NodeSessionThread")

/** Time that a thread has to start. */
const startTimeoutMillis = 30_000

/** Time that the statistics wait for the report of a busy thread. */
const reportTimeoutMillis = 250

/** Time that a thread has after the drain timeout to end on its own. */
const drainGraceMillis = 1_500

const zeroStats: TcpServer.Stats = {
  active: 0,
  accepted: 0,
  refused: 0,
  timedOut: 0,
  bytesReceived: 0,
  bytesSent: 0
}

const addStats = (one: TcpServer.Stats, other: TcpServer.Stats): TcpServer.Stats => ({
  active: one.active + other.active,
  accepted: one.accepted + other.accepted,
  refused: one.refused + other.refused,
  timedOut: one.timedOut + other.timedOut,
  bytesReceived: one.bytesReceived + other.bytesReceived,
  bytesSent: one.bytesSent + other.bytesSent
})

const failureOf = ({ message, reason }: Extract<WorkerMessage.FromWorker, { readonly _tag: "Failed" }>): Failure =>
  reason === undefined
    ? new SessionError({ message })
    : new Network.NetworkError({ reason, cause: new Error(message.replace(/ \(.*/, "")) })

const wait = (waiters: Set<() => void>, request: () => void) =>
  Effect.callback<void>((resume) => {
    const done = () => {
      waiters.delete(done)
      resume(Effect.void)
    }
    waiters.add(done)
    request()
    return Effect.sync(() => waiters.delete(done))
  })

const wake = (waiters: Set<() => void>) => {
  for (const done of [...waiters]) done()
}

/** Returns an empty pool. Closing the scope drains its threads for at most `drainTimeout` and ends them. */
export const make = Effect.fnUntraced(function* (
  sharedState: SharedStateServer.SharedStateServer,
  drainTimeout: Duration.Input
) {
  const slots: Array<Slot> = []
  const ids = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  const restartDelayMillis = WorkerMessage.restartBackoff()
  const run = yield* FiberSet.makeRuntime<never>()
  /** Totals of threads that have ended. */
  let endedThreadStats = zeroStats
  let closing = false

  const spawn = (slot: Slot, onStarted: (result: Effect.Effect<void, Failure>) => void) => {
    const worker = new Worker(workerProgram, { workerData: { start: slot.start, ids }, stdout: true })
    const channel = sharedState.openChannel(
      (message) => worker.postMessage(message),
      () => void worker.terminate()
    )
    Object.assign(slot, { worker, channel, startMillis: performance.now(), alive: true })
    // The thread's stdout goes to stderr, with the logs: stdout is for the results of this process.
    worker.stdout.on("data", (bytes: Uint8Array) => process.stderr.write(bytes))
    worker.on("error", (cause) => run(Effect.logWarning("unhandled error in a worker thread", cause)))
    worker.on("message", (message: WorkerMessage.FromWorker) => {
      switch (message._tag) {
        case "Ready":
          return onStarted(Effect.void)
        case "Failed":
          onStarted(Effect.fail(failureOf(message)))
          return void worker.terminate()
        case "Report":
          slot.stats = message.stats
          channel.acknowledge(message.receivedMessages)
          return wake(slot.reportWaiters)
        case "Drained":
          return wake(slot.drainWaiters)
        case "Accepted":
        case "Disconnected":
          return
        default:
          return channel.receive(message)
      }
    })
    worker.once("exit", (code) => {
      channel.close()
      endedThreadStats = addStats(endedThreadStats, { ...slot.stats, active: 0 })
      slot.stats = zeroStats
      slot.alive = false
      wake(slot.reportWaiters)
      wake(slot.drainWaiters)
      const message = `${slot.start.module}: a worker thread ended with code ${code} before it was ready`
      onStarted(Effect.fail(new SessionError({ message })))
    })
  }

  /** Replaces the thread when it ends. A replacement is replaced too, even if it was never ready. */
  const restartOnExit = (slot: Slot) => {
    slot.worker.once("exit", (code) => {
      if (closing) return
      run(Effect.logWarning(`a worker thread ended with code ${code}: starting another`))
      const respawn = Effect.sync(() => {
        let settled = false
        spawn(slot, (result) => {
          if (!settled) run(Effect.catch(result, ({ message }) => Effect.logError(message)))
          settled = true
        })
        restartOnExit(slot)
      })
      run(Effect.delay(respawn, restartDelayMillis(performance.now() - slot.startMillis)))
    })
  }

  const startThread = (start: WorkerMessage.Start): Effect.Effect<void, Failure> =>
    Effect.callback<void, Failure>((resume) => {
      const slot = { start, stats: zeroStats, reportWaiters: new Set(), drainWaiters: new Set() } as unknown as Slot
      slots.push(slot)
      let settled = false
      spawn(slot, (result) => {
        if (!settled) resume(result)
        settled = true
      })
    }).pipe(
      Effect.timeoutOrElse({
        duration: startTimeoutMillis,
        orElse: () => {
          const message = `${start.module}: a worker thread was not ready after ${startTimeoutMillis / 1_000} s`
          return Effect.fail(new SessionError({ message }))
        }
      })
    )

  const alive = () => slots.filter((slot) => slot.alive)
  const refreshStats = Effect.suspend(() =>
    Effect.forEach(
      alive(),
      (slot) => wait(slot.reportWaiters, () => slot.worker.postMessage({ _tag: "RequestReport" })),
      {
        concurrency: "unbounded",
        discard: true
      }
    )
  ).pipe(Effect.timeoutOption(reportTimeoutMillis))

  const drain = yield* Effect.cached(
    Effect.gen(function* () {
      closing = true
      yield* Effect.suspend(() =>
        Effect.forEach(alive(), (slot) => wait(slot.drainWaiters, () => slot.worker.postMessage({ _tag: "Drain" })), {
          concurrency: "unbounded",
          discard: true
        })
      ).pipe(
        Effect.interruptible,
        Effect.timeoutOption(Duration.sum(Duration.fromInputUnsafe(drainTimeout), Duration.millis(drainGraceMillis)))
      )
      yield* Effect.promise(() => Promise.all(slots.map(({ worker }) => worker.terminate())))
    })
  )
  yield* Effect.addFinalizer(() => drain)

  return {
    /** Starts a thread and waits until it listens. */
    start: startThread,
    /** From now on, replaces threads that end. */
    restartOnExit: () => {
      for (const slot of slots) restartOnExit(slot)
    },
    refreshStats,
    stats: () => slots.reduce((sum, { stats }) => addStats(sum, stats), endedThreadStats),
    drain
  }
})
