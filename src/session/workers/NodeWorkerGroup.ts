/** The workers of a server, processes or threads: supervised, with their channels to the shared state and their stats. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ServerEvents from "../../network/ServerEvents.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as NodeSupervisor from "../../process/NodeSupervisor.ts"
import type { Listeners, WorkerHandle } from "../../process/NodeWorkerHandle.ts"
import * as Supervision from "../../process/Supervision.ts"
import { SessionError } from "../Session.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** A worker that does not answer two pings gets no new clients; after the third it is killed. */
const policy: Supervision.Policy = {
  ...Supervision.defaultPolicy,
  heartbeat: { intervalMillis: 10_000, unresponsiveAfterPings: 2, killAfterPings: 3 }
}

/** Time that the statistics wait for the report of a busy worker. */
const reportTimeoutMillis = 250

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

type WorkerEnded = Extract<Supervision.Notice, { readonly _tag: "WorkerEnded" }>

/** A worker that has not ended. */
interface WorkerRecord {
  readonly channel: SharedStateServer.WorkerChannel
  stats: TcpServer.Stats
}

/** The owner of a group: what is particular to its processes or threads. */
export interface Owner<Handle extends WorkerHandle<WorkerMessage.ToWorker>> {
  readonly noun: "worker process" | "worker thread"
  readonly module: string
  readonly sharedState: SharedStateServer.SharedStateServer
  readonly spawn: (id: number, listeners: Listeners<WorkerMessage.FromWorker>) => Handle
  /** Handles a message besides those to the shared state. */
  readonly onMessage: (id: number, message: WorkerMessage.FromWorker) => void
  /** Handles the end of a worker. Returns the consequence for the log, if the end is worth a line. */
  readonly onEnd: (ended: WorkerEnded) => string | undefined
}

/** Makes a group without workers. All have ended when the scope has closed. */
export const make = Effect.fnUntraced(function* <Handle extends WorkerHandle<WorkerMessage.ToWorker>>(
  owner: Owner<Handle>
) {
  const { module, noun, sharedState } = owner
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const records = new Map<number, WorkerRecord>()
  const reportListeners = new Set<(id: number) => void>()
  /** Sum of the workers that have ended. */
  let endedStats = zeroStats
  let startError: SessionError | undefined
  const { emit, events } = yield* ServerEvents.make<TcpServer.Event>()
  let subscribers = 0

  const watch = (handle: Handle | undefined) => handle?.post({ _tag: "WatchEvents", enabled: subscribers > 0 })
  const subscribe = (change: 1 | -1) =>
    Effect.sync(() => {
      subscribers += change
      if (subscribers === Math.max(0, change)) for (const id of readyIds()) watch(supervisor.handle(id))
    })
  const readyIds = () => [...records.keys()].filter((id) => supervisor.state().workers.get(id)?.wasReady)

  const onReported = (id: number) => {
    for (const listener of [...reportListeners]) listener(id)
  }
  const onFailed = (id: number, error: SessionError) => {
    if (supervisor.state().phase === "starting") startError ??= error
    else log(Effect.logError(error.message))
    supervisor.kill(id, "failed to start")
  }
  const receive = (id: number, message: WorkerMessage.FromWorker) => {
    const record = records.get(id)
    if (record === undefined) return
    switch (message._tag) {
      case "Ready":
        supervisor.ready(id)
        if (subscribers > 0) watch(supervisor.handle(id))
        break
      case "Event":
        return emit(() => WorkerMessage.decodeEvent(message.event))
      case "Failed":
        return onFailed(id, Schema.decodeSync(SessionError)(message.error))
      case "Attach":
      case "Ask":
      case "Detach":
        return record.channel.receive(message)
      case "Report":
        record.channel.acknowledge(message.receivedMessages)
        record.stats = message.stats
        onReported(id)
        break
      case "Disconnected":
        record.stats = message.stats
    }
    owner.onMessage(id, message)
  }
  const onWorkerEnd = (ended: WorkerEnded) => {
    const { id, reason } = ended
    const record = records.get(id)
    records.delete(id)
    record?.channel.close()
    endedStats = addStats(endedStats, { ...(record?.stats ?? zeroStats), active: 0 })
    onReported(id)
    const consequence = owner.onEnd(ended)
    if (consequence !== undefined && supervisor.state().phase === "running")
      log(Effect.logWarning(`a ${noun} ${reason}: ${consequence}`))
  }

  const supervisor: NodeSupervisor.Supervisor<Handle> = yield* NodeSupervisor.make<Handle, WorkerMessage.FromWorker>({
    policy,
    spawn: (id, listeners) => {
      const handle = owner.spawn(id, listeners)
      const kill = () => supervisor.kill(id, "did not receive its messages")
      records.set(id, { channel: sharedState.openChannel(handle.post, kill), stats: zeroStats })
      return handle
    },
    onMessage: receive,
    onNotice: (notice) => {
      if (notice._tag === "WorkerEnded") onWorkerEnd(notice)
    },
    ping: (handle) => handle.post({ _tag: "RequestReport" }),
    requestDrain: (handle) => handle.post({ _tag: "Drain" })
  })

  const requestReports = Effect.callback<void>((resume) => {
    const missing = new Set(readyIds())
    const onReport = (id: number) => {
      missing.delete(id)
      if (missing.size === 0) resume(Effect.void)
    }
    reportListeners.add(onReport)
    for (const id of missing) supervisor.handle(id)?.post({ _tag: "RequestReport" })
    onReport(0)
    return Effect.sync(() => reportListeners.delete(onReport))
  })

  return {
    supervisor,
    channel: (id: number) => records.get(id)?.channel,
    /** Starts workers, and waits until all are ready. */
    start: (count: number) =>
      Effect.mapError(
        supervisor.start(count),
        ({ message }) => startError ?? new SessionError({ message: `${module}: cannot start: a ${noun} ${message}` })
      ),
    /** Emits the events of the workers' servers. */
    events: Stream.unwrap(
      Effect.as(
        Effect.acquireRelease(subscribe(1), () => subscribe(-1)),
        events
      )
    ),
    /** Updates the stats. Those of workers that do not report in time keep their last values. */
    refreshStats: Effect.timeoutOption(requestReports, reportTimeoutMillis),
    /** Returns the sum over all workers, also those that have ended. */
    stats: () => [...records.values()].reduce((sum, { stats }) => addStats(sum, stats), endedStats)
  }
})
