/** The workers of a server, processes or threads: supervised, with channels to the shared state, events and stats. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Monotonic from "../../network/Monotonic.ts"
import type * as ServerEvents from "../../network/ServerEvents.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as Heartbeat from "../../process/Heartbeat.ts"
import * as NodeSupervisor from "../../process/NodeSupervisor.ts"
import type { Listeners, WorkerHandle } from "../../process/NodeWorkerHandle.ts"
import * as Supervision from "../../process/Supervision.ts"
import { SessionError } from "../Session.ts"
import * as FailureLog from "./FailureLog.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import * as WorkerEvents from "./WorkerEvents.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"
import * as WorkerStats from "./WorkerStats.ts"

/** Time without an answer after which a worker is killed. */
const defaultTimeout: Duration.Input = "30 seconds"

/** Returns the time in milliseconds. Fails if it is not positive. */
export const checkTimeout = (timeout: Duration.Input = defaultTimeout): Effect.Effect<number, SessionError> => {
  const millis = Duration.toMillis(timeout)
  const message = `invalid worker timeout ${millis} ms: must be more than 0; use "Infinity" to kill no worker`
  return millis > 0 ? Effect.succeed(millis) : Effect.fail(new SessionError({ message }))
}

/** The end of a worker. */
export type WorkerEnded = Extract<Supervision.Notice, { readonly _tag: "WorkerEnded" }>

/** The owner of a group: what is particular to its processes or threads. */
export interface Owner<Handle extends WorkerHandle<WorkerMessage.ToWorker>> {
  readonly noun: "worker process" | "worker thread"
  readonly module: string
  readonly sharedState: SharedStateServer.SharedStateServer
  /** Time in which a worker must answer a ping, else it is killed. No limit if infinite. */
  readonly workerTimeoutMillis: number
  /** Default: an unresponsive worker gets no new clients. */
  readonly onUnresponsive?: string | undefined
  /** Returns true if an event of a worker is one of the server. Default: all are. */
  readonly isEventOfServer?: ((event: WorkerMessage.EncodedEvent) => boolean) | undefined
  readonly spawn: (id: number, listeners: Listeners<WorkerMessage.FromWorker>) => Handle
  /** Handles a message besides those to the shared state. */
  readonly onMessage: (id: number, message: WorkerMessage.FromWorker) => void
  /** Handles the end of a worker. Returns the consequence for the log, if the end is worth a line. */
  readonly onEnd: (ended: WorkerEnded) => string | undefined
}

/** The workers of a server. */
export interface NodeWorkerGroup<Handle> {
  readonly supervisor: NodeSupervisor.Supervisor<Handle>
  /** Returns the channel of a worker that has not ended. */
  readonly channel: (id: number) => SharedStateServer.WorkerChannel | undefined
  /** Starts workers, and waits until all are ready. */
  readonly start: (count: number) => Effect.Effect<void, SessionError>
  /** The events of the workers, to which the server may add its own. */
  readonly events: ServerEvents.ServerEvents<TcpServer.Event>
  /** Updates the stats. A worker that is late keeps its last ones. */
  readonly refreshStats: Effect.Effect<unknown>
  /** Returns the sum over all workers, also those that have ended. */
  readonly stats: () => TcpServer.Stats
  /** Sends a message to a worker that has not ended. */
  readonly post: (id: number, message: WorkerMessage.ToWorker) => void
  /** Sends a message to all workers. */
  readonly postAll: (message: WorkerMessage.ToWorker) => void
}

/**
 * Returns functions that log a line, `warnRarely` at most once a minute.
 *
 * `observe` wraps the receiver of messages: it logs that a worker responds again after `warnUnresponsive`, and that one
 * has started after `warnRarely`. The lines that were left out are counted then, and when the scope closes.
 */
const makeLog = Effect.fnUntraced(function* (noun: string) {
  const now = yield* Monotonic.millis
  const run = Effect.runForkWith(yield* Effect.context<never>())
  let failureLog = FailureLog.initial
  const warn = (line: string) => void run(Effect.logWarning(line))
  const inform = (line: string) => void run(Effect.logInfo(line))
  const logOmitted = Effect.suspend(() => {
    const text = FailureLog.flush(failureLog)
    failureLog = FailureLog.initial
    return text === undefined ? Effect.void : Effect.logWarning(text)
  })
  yield* Effect.addFinalizer(() => logOmitted)
  const warnRarely = (line: string) => {
    const [next, text] = FailureLog.add(failureLog, line, now())
    failureLog = next
    if (text !== undefined) warn(text)
  }
  const unresponsive = new Set<number>()
  const warnUnresponsive = (id: number, consequence: string) => {
    unresponsive.add(id)
    warn(`a ${noun} does not respond: ${consequence}`)
  }
  const observe =
    (receive: (id: number, message: WorkerMessage.FromWorker) => void) =>
    (id: number, message: WorkerMessage.FromWorker) => {
      if (unresponsive.delete(id)) inform(`a ${noun} responds again`)
      if (message._tag === "Ready" && failureLog !== FailureLog.initial) {
        run(logOmitted)
        inform(`a ${noun} has started again`)
      }
      receive(id, message)
    }
  return { warn, warnRarely, warnUnresponsive, observe }
})

/** Makes a group without workers. All have ended when the scope has closed. */
export const make = Effect.fnUntraced(function* <Handle extends WorkerHandle<WorkerMessage.ToWorker>>(
  owner: Owner<Handle>
) {
  const { isEventOfServer = constTrue, module, noun, onUnresponsive, sharedState, workerTimeoutMillis } = owner
  const { observe, warn, warnRarely, warnUnresponsive } = yield* makeLog(noun)
  const channels = new Map<number, SharedStateServer.WorkerChannel>()
  const stats = WorkerStats.make()
  let startError: SessionError | undefined

  const readyIds = () => [...channels.keys()].filter((id) => supervisor.state().workers.get(id)?.wasReady)
  const post = (id: number, message: WorkerMessage.ToWorker) => supervisor.handle(id)?.post(message)
  const events = yield* WorkerEvents.make(readyIds, post)

  const receive = (id: number, message: WorkerMessage.FromWorker) => {
    switch (message._tag) {
      case "Ready":
        supervisor.ready(id)
        events.onReady(id)
        break
      case "Event":
        return isEventOfServer(message.event) ? events.emit(message.event) : undefined
      case "Failed": {
        const error = Schema.decodeSync(SessionError)(message.error)
        if (supervisor.state().phase === "starting") startError ??= error
        return supervisor.kill(id, `failed to start (${error.message})`)
      }
      case "Attach":
      case "Ask":
      case "Detach":
        return channels.get(id)?.receive(message)
      case "Report":
        channels.get(id)?.acknowledge(message.receivedMessages)
        stats.report(id, message.stats)
        break
      case "Disconnected":
        stats.report(id, message.stats)
    }
    owner.onMessage(id, message)
  }
  const onEnd = (ended: WorkerEnded) => {
    const { id, reason, wasReady } = ended
    channels.get(id)?.close()
    channels.delete(id)
    stats.end(id)
    const consequence = owner.onEnd(ended)
    if (consequence === undefined || supervisor.state().phase !== "running") return
    // Workers that cannot start at all end every few seconds.
    const log = wasReady ? warn : warnRarely
    log(`a ${noun} ${reason}: ${consequence}`)
  }

  const supervisor: NodeSupervisor.Supervisor<Handle> = yield* NodeSupervisor.make<Handle, WorkerMessage.FromWorker>({
    policy: { ...Supervision.defaultPolicy, heartbeat: Heartbeat.withTimeout(workerTimeoutMillis) },
    spawn: (id, listeners) => {
      const handle = owner.spawn(id, listeners)
      const kill = () => supervisor.kill(id, "did not receive its messages")
      channels.set(id, sharedState.openChannel(handle.post, kill))
      return handle
    },
    onMessage: observe(receive),
    onNotice: (notice) => {
      if (notice._tag === "WorkerEnded") onEnd(notice)
      else if (notice._tag === "Unresponsive") warnUnresponsive(notice.id, onUnresponsive ?? "it gets no new clients")
    },
    ping: (handle) => handle.post({ _tag: "RequestReport" }),
    requestDrain: (handle) => handle.post({ _tag: "Drain" })
  })
  const startFailure = ({ message }: NodeSupervisor.WorkerStartError) =>
    startError ?? new SessionError({ message: `${module}: cannot start: a ${noun} ${message}` })
  return {
    supervisor,
    channel: (id: number) => channels.get(id),
    start: (count) => Effect.mapError(supervisor.start(count), startFailure),
    events: events.source,
    refreshStats: stats.refresh(readyIds, (id) => post(id, { _tag: "RequestReport" })),
    stats: stats.total,
    post,
    postAll: (message) => channels.forEach((_, id) => void post(id, message))
  } satisfies NodeWorkerGroup<Handle>
})
