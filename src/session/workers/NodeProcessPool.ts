/**
 * The worker processes of a server: a pool of a fixed size, or one process for each client.
 *
 * One process for each client needs a spare one, because a process takes longer to start than a client should wait. A
 * pool assigns a client to the worker with the fewest clients. The server keeps a handed connection open until its
 * worker has accepted it: if the worker ends before that, another worker gets the connection.
 */
import * as ChildProcess from "node:child_process"
import * as Os from "node:os"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { constVoid } from "effect/Function"
import type { NodeConnection } from "../../network/node/NodeConnection.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { SessionError } from "../Session.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** Connection that is handed to a worker process. */
export interface HandedConnection {
  readonly connection: NodeConnection
  readonly local: WorkerMessage.EncodedAddress
  readonly remote: WorkerMessage.EncodedAddress
  /** Number of the client. */
  id: number
  worker: WorkerProcess | undefined
  /** True after the worker has accepted the connection. */
  accepted: boolean
  traffic: WorkerMessage.ClientTraffic
  /** Ends the fiber that waits for the end of the client. */
  release: () => void
}

interface WorkerProcess {
  readonly process: ChildProcess.ChildProcess
  readonly channel: SharedStateServer.WorkerChannel
  readonly startMillis: number
  readonly connections: Map<number, HandedConnection>
  /** Callbacks for the next report. */
  readonly reportWaiters: Set<() => void>
  /** A worker that is `assigned` has its only client and accepts no other. */
  state: "starting" | "ready" | "assigned" | "exited"
  timedOut: number
}

const workerProgram = fileURLToPath(NodeModuleUrl.sibling(import.meta.url, "NodeSessionProcess"))

/** Time that a worker has to start. */
const startTimeoutMillis = 30_000
/** Time that a worker with one client has to disconnect it before the worker is killed. */
const abortGraceMillis = 1_000

/** Time that the statistics wait for the report of a busy worker. */
const reportTimeoutMillis = 250

/** Starts the workers; all have ended when the scope has closed. Without `poolSize` each client has its own process. */
export const make = Effect.fnUntraced(function* (
  start: WorkerMessage.Start,
  poolSize: number | undefined,
  sharedState: SharedStateServer.SharedStateServer
) {
  const singleClient = poolSize === undefined
  const workers = new Set<WorkerProcess>()
  const waiting: Array<HandedConnection> = []
  const restartDelayMillis = WorkerMessage.restartBackoff()
  const run = yield* FiberSet.makeRuntime<never>()
  const after = (millis: number, callback: () => void) => void run(Effect.delay(Effect.sync(callback), millis))
  let timedOut = 0
  let closing = false
  let backingOff = false
  let onStarted: ((failure: string | undefined) => void) | undefined
  let onAllExited: () => void = constVoid

  const inState = (state: WorkerProcess["state"]) => [...workers].filter((worker) => worker.state === state)

  const handOver = (worker: WorkerProcess, handed: HandedConnection) => {
    const { id, local, connection, remote } = handed
    worker.connections.set(id, handed)
    handed.worker = worker
    if (singleClient) worker.state = "assigned"
    const serve: WorkerMessage.ToWorker = { _tag: "Serve", id, local, remote }
    worker.process.send(serve, connection.socket, { keepOpen: true }, constVoid)
  }
  const assign = () => {
    while (waiting.length > 0) {
      const [first, ...others] = inState("ready")
      if (first === undefined) break
      const worker = others.reduce((least, one) => (one.connections.size < least.connections.size ? one : least), first)
      const handed = waiting.shift()!
      if (handed.connection.socket.destroyed) handed.release()
      else handOver(worker, handed)
    }
    refill()
  }
  const refill = () => {
    if (closing || backingOff) return
    const starting = inState("starting").length
    const missing = singleClient
      ? Math.min(waiting.length + 1 - inState("ready").length, Os.availableParallelism()) - starting
      : poolSize - workers.size
    for (let count = 0; count < missing && !backingOff; count++) spawn()
  }
  /** Delays the next start after a worker that could not start or ended early. */
  const backOff = (reason: string, uptimeMillis: number) => {
    if (onStarted !== undefined) return onStarted(`${start.module}: a worker process ${reason} before it was ready`)
    run(Effect.logWarning(`a worker process ${reason}: starting another`))
    backingOff = true
    after(restartDelayMillis(uptimeMillis), () => {
      backingOff = false
      assign()
    })
  }

  const onExit = (worker: WorkerProcess, reason: string) => {
    if (worker.state === "exited") return
    const wasAssigned = worker.state === "assigned"
    worker.state = "exited"
    workers.delete(worker)
    worker.channel.close()
    for (const report of [...worker.reportWaiters]) report()
    for (const handed of worker.connections.values()) {
      if (handed.accepted || closing) handed.release()
      else waiting.unshift(Object.assign(handed, { worker: undefined }))
    }
    if (workers.size === 0) onAllExited()
    if (closing) return
    if (!wasAssigned) return backOff(reason, performance.now() - worker.startMillis)
    if (worker.connections.size > 0) run(Effect.logWarning(`a worker process ${reason}: its client is disconnected`))
    assign()
  }

  const receive = (worker: WorkerProcess, message: WorkerMessage.FromWorker) => {
    switch (message._tag) {
      case "Ready":
        if (worker.state === "starting") worker.state = "ready"
        if (singleClient || inState("starting").length === 0) onStarted?.(undefined)
        return assign()
      case "Failed":
        if (onStarted !== undefined) return onStarted(message.message)
        if (!closing) run(Effect.logError(message.message))
        return
      case "Accepted": {
        const handed = worker.connections.get(message.id)
        if (handed === undefined) return
        handed.accepted = true
        return void handed.connection.socket.destroy()
      }
      case "Disconnected": {
        timedOut += message.timedOut - worker.timedOut
        worker.timedOut = message.timedOut
        const handed = worker.connections.get(message.id)
        if (handed === undefined) return
        worker.connections.delete(message.id)
        handed.traffic = message.traffic
        return handed.release()
      }
      case "Report": {
        worker.channel.acknowledge(message.receivedMessages)
        timedOut += message.stats.timedOut - worker.timedOut
        worker.timedOut = message.stats.timedOut
        for (const traffic of message.traffic) {
          const handed = worker.connections.get(traffic[0])
          if (handed !== undefined) handed.traffic = traffic
        }
        for (const report of [...worker.reportWaiters]) report()
        return
      }
      case "Drained":
        return
      default:
        return worker.channel.receive(message)
    }
  }

  const spawn = () => {
    let spawned: ChildProcess.ChildProcess
    try {
      // The worker's stdout goes to stderr, with the logs: stdout is for the results of this process.
      spawned = ChildProcess.fork(workerProgram, [], {
        stdio: ["ignore", 2, 2, "ipc"],
        execArgv: process.execArgv.filter((flag) => !flag.startsWith("--inspect"))
      })
    } catch (cause) {
      return backOff(`failed to start (${(cause as Error).message})`, 0)
    }
    const kill = () => void spawned.kill("SIGKILL")
    const worker: WorkerProcess = {
      process: spawned,
      channel: sharedState.openChannel((message) => void spawned.send(message, constVoid), kill),
      startMillis: performance.now(),
      connections: new Map(),
      reportWaiters: new Set(),
      /** A worker that is `assigned` has its only client and accepts no other. */
      state: "starting",
      timedOut: 0
    }
    workers.add(worker)
    spawned.on("message", (message) => receive(worker, message as WorkerMessage.FromWorker))
    spawned.once("disconnect", kill)
    spawned.on("error", (cause) => {
      if (spawned.pid === undefined) onExit(worker, `failed to start (${cause.message})`)
    })
    // `close`, not `exit`: all messages of the worker have been read by then.
    spawned.once("close", (code, signal) => onExit(worker, `ended with ${signal ?? `code ${code}`}`))
    // Without a free descriptor the channel is missing; the `error` event follows.
    if (spawned.connected) spawned.send(start, constVoid)
  }

  const killAll = yield* Effect.cached(
    Effect.callback<void>((resume) => {
      closing = true
      for (const handed of waiting.splice(0)) handed.release()
      onAllExited = () => resume(Effect.void)
      if (workers.size === 0) return onAllExited()
      for (const worker of workers) worker.process.kill("SIGKILL")
    })
  )
  yield* Effect.addFinalizer(() => killAll)

  const failed = (message: string) => new SessionError({ message })
  yield* Effect.callback<void, SessionError>((resume) => {
    onStarted = (failure) => {
      onStarted = undefined
      resume(failure === undefined ? Effect.void : Effect.fail(failed(failure)))
    }
    refill()
  }).pipe(
    Effect.timeoutOrElse({
      duration: startTimeoutMillis,
      orElse: () =>
        Effect.fail(failed(`${start.module}: no worker process was ready after ${startTimeoutMillis / 1_000} s`))
    }),
    Effect.onError(() => killAll)
  )

  /** Disconnects a client. A worker of its own that does not react in time is killed. */
  const abandon = (handed: HandedConnection) => {
    const at = waiting.indexOf(handed)
    if (at >= 0) waiting.splice(at, 1)
    const { worker } = handed
    if (worker === undefined || worker.state === "exited" || !worker.connections.delete(handed.id)) return
    worker.channel.post({ _tag: "Abort", id: handed.id })
    if (singleClient) after(abortGraceMillis, () => worker.process.kill("SIGKILL"))
  }

  const requestReport = (worker: WorkerProcess) =>
    Effect.callback<void>((resume) => {
      const done = () => {
        worker.reportWaiters.delete(done)
        resume(Effect.void)
      }
      worker.reportWaiters.add(done)
      worker.process.send({ _tag: "RequestReport" } satisfies WorkerMessage.ToWorker, constVoid)
      return Effect.sync(() => worker.reportWaiters.delete(done))
    })

  return {
    kill: killAll,
    /** Serves a client until it disconnects. Interruption disconnects it. */
    serve: (handed: HandedConnection) =>
      Effect.callback<void>((resume) => {
        if (closing) return resume(Effect.void)
        handed.release = () => resume(Effect.void)
        waiting.push(handed)
        assign()
        return Effect.sync(() => abandon(handed))
      }),
    /** Updates the statistics. Those of workers that do not report in time keep their last values. */
    refreshStats: Effect.suspend(() => {
      const busy = [...workers].filter(({ connections }) => connections.size > 0)
      return Effect.timeoutOption(
        Effect.forEach(busy, requestReport, { concurrency: "unbounded", discard: true }),
        reportTimeoutMillis
      )
    }),
    timedOut: () => timedOut
  }
})
