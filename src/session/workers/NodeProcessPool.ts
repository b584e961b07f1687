/**
 * The child processes of a server: a pool, or one for each client with a spare one waiting, since a process takes
 * longer to start than a client likes to wait. Clients go to the child that has fewest.
 *
 * A connection stays open here until the child says that it has it: one whose child dies before goes to the next.
 */
import * as ChildProcess from "node:child_process"
import * as Os from "node:os"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type { NodeConnection } from "../../network/node/NodeConnection.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { SessionError } from "../Session.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** A client on its way to a child, or there. */
export interface HandedConnection {
  readonly connection: NodeConnection
  readonly local: WorkerMessage.EncodedAddress
  readonly remote: WorkerMessage.EncodedAddress
  id: number
  worker: WorkerProcess | undefined
  accepted: boolean
  traffic: WorkerMessage.ClientTraffic
  release: () => void
}

interface WorkerProcess {
  readonly process: ChildProcess.ChildProcess
  readonly channel: SharedStateServer.WorkerChannel
  readonly startMillis: number
  readonly connections: Map<number, HandedConnection>
  /** Those who wait for a report. */
  readonly reportWaiters: Set<() => void>
  state: "starting" | "ready" | "assigned" | "exited"
  timedOut: number
}

const workerProgram = fileURLToPath(NodeModuleUrl.sibling(import.meta.url, "NodeSessionProcess"))

/** How long a child may take to start, and a cut client to leave it, in milliseconds. */
const startTimeoutMillis = 30_000
const abortGraceMillis = 1_000

/** How long stats wait for a child that is busy, in milliseconds. */
const reportTimeoutMillis = 250

const ignored = () => {}

/** Starts the children; they have ended once the scope has closed. */
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
  let onAllExited = ignored

  const inState = (state: WorkerProcess["state"]) => [...workers].filter((worker) => worker.state === state)

  const handOver = (worker: WorkerProcess, handed: HandedConnection) => {
    const { id, local, connection, remote } = handed
    worker.connections.set(id, handed)
    handed.worker = worker
    if (singleClient) worker.state = "assigned"
    const serve: WorkerMessage.ToWorker = { _tag: "Serve", id, local, remote }
    worker.process.send(serve, connection.socket, { keepOpen: true }, ignored)
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
  /** A child that could not start, or did not last. */
  const backOff = (reason: string, uptimeMillis: number) => {
    if (onStarted !== undefined) return onStarted(`${start.module}: a child process ${reason} before it was ready`)
    run(Effect.logWarning(`a child process ${reason}: it is replaced`))
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
    if (worker.connections.size > 0) run(Effect.logWarning(`a child process ${reason}, and its client with it`))
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
      // What a child logs goes where logs go: its stdout would be taken for results.
      spawned = ChildProcess.fork(workerProgram, [], {
        stdio: ["ignore", 2, 2, "ipc"],
        execArgv: process.execArgv.filter((flag) => !flag.startsWith("--inspect"))
      })
    } catch (cause) {
      return backOff(`could not be started (${(cause as Error).message})`, 0)
    }
    const kill = () => void spawned.kill("SIGKILL")
    const worker: WorkerProcess = {
      process: spawned,
      channel: sharedState.openChannel((message) => void spawned.send(message, ignored), kill),
      startMillis: performance.now(),
      connections: new Map(),
      reportWaiters: new Set(),
      state: "starting",
      timedOut: 0
    }
    workers.add(worker)
    spawned.on("message", (message) => receive(worker, message as WorkerMessage.FromWorker))
    spawned.once("disconnect", kill)
    spawned.on("error", (cause) => {
      if (spawned.pid === undefined) onExit(worker, `could not be started (${cause.message})`)
    })
    // Only now has all been read that it sent.
    spawned.once("close", (code, signal) => onExit(worker, `ended with ${signal ?? `code ${code}`}`))
    // Without descriptors for the channel there is none, and the error comes later.
    if (spawned.connected) spawned.send(start, ignored)
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
      orElse: () => Effect.fail(failed(`${start.module}: no child process was ready after ${startTimeoutMillis / 1_000} s`))
    }),
    Effect.onError(() => killAll)
  )

  /** A client that is cut while its child cannot hear takes a child of its own with it. */
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
      worker.process.send({ _tag: "RequestReport" } satisfies WorkerMessage.ToWorker, ignored)
      return Effect.sync(() => worker.reportWaiters.delete(done))
    })

  return {
    kill: killAll,
    /** Ends when the client has gone; a client whose fiber is interrupted is cut. */
    serve: (handed: HandedConnection) =>
      Effect.callback<void>((resume) => {
        if (closing) return resume(Effect.void)
        handed.release = () => resume(Effect.void)
        waiting.push(handed)
        assign()
        return Effect.sync(() => abandon(handed))
      }),
    /** Brings the stats up to date; those of children that are busy stay as they were. */
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
