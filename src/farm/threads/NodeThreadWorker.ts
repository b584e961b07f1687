/** A worker on a thread of this process. It outlives its threads: a thread that crashes is replaced. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Monotonic from "../../network/Monotonic.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeSupervisor from "../../process/NodeSupervisor.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import type { Policy } from "../../process/Supervision.ts"
import { type ErrorText, FarmError, ModuleLoadFailed } from "../FarmError.ts"
import * as InFlight from "../InFlight.ts"
import type { Report, Worker } from "../Worker.ts"
import { type Batch, type Ended, OutcomeCode, type ThreadData, type ThreadMessage } from "./NodeFarmMessage.ts"
import * as ThreadTasks from "./ThreadTasks.ts"

/** The parameters of a worker. */
export interface Settings {
  readonly name: string
  readonly module: string
  readonly capacity: number
  readonly gracePeriodMillis: number
}

const program = NodeModuleUrl.sibling(import.meta.url, "NodeFarmThread")

/** The worker is given up at the sixth crash in a row without a packet in progress. */
const policy: Policy = {
  startTimeoutMillis: 60_000,
  initialRestartDelayMillis: 20,
  maxRestartDelayMillis: 5_000,
  stableUptimeMillis: Number.POSITIVE_INFINITY,
  maxIdleFailures: 5
}

/** The state of a worker; `tasks` are those of the current thread. */
interface State {
  tasks: ThreadTasks.ThreadTasks
  job: Worker["job"]
  /** The reason for which the last thread ended. */
  lastError: string
  /** Receives the reports of a run. */
  listener: ((reports: ReadonlyArray<Report>) => void) | undefined
}

const reportOf = (id: number, { millis, outcomes, values }: Ended, at: number): Report => {
  if (outcomes[at] === OutcomeCode.done) return { _tag: "Done", id, result: values[at], millis: millis[at]! }
  return outcomes[at] === OutcomeCode.failed
    ? { _tag: "Failed", id, error: values[at] as ErrorText }
    : { _tag: "Stopped", id }
}

/** Sends packets. If one cannot be cloned, each is sent alone, and in place of that one its error. */
const post = (thread: NodeWorkerHandle.WorkerHandle<Batch>, packets: ReadonlyArray<unknown>): void => {
  try {
    thread.post({ packets })
  } catch (cause) {
    if (packets.length > 1) {
      for (const packet of packets) post(thread, [packet])
      return
    }
    thread.post({ packets: [undefined], error: `cannot send the packet: ${NodeWorkerHandle.messageOf(cause)}` })
  }
}

const endTasks = ({ listener, tasks }: State, ended: Ended) => {
  const ids = ThreadTasks.end(tasks, ended.outcomes.length)
  listener?.(ids.map((id, at) => reportOf(id, ended, at)))
}

const loseTasks = (state: State, message: string, change: "Lost" | "Gone" | undefined) => {
  const { listener, tasks } = state
  const running = ThreadTasks.running(tasks)
  InFlight.takeAll(tasks.inFlight)
  state.lastError = message
  if (change !== undefined) listener?.([{ _tag: change, message, running: running === undefined ? [] : [running] }])
}

/** Starts a worker and waits until it has loaded the job. It ends with the scope. */
export const make = Effect.fnUntraced(function* ({ capacity, gracePeriodMillis, module, name }: Settings) {
  const now = yield* Monotonic.millis
  const hasCancelled = Latch.makeUnsafe(false)
  const state: State = {
    tasks: ThreadTasks.make(capacity),
    job: { name: "", version: 0 },
    lastError: "",
    listener: undefined
  }
  const supervisor = yield* NodeSupervisor.make<NodeWorkerHandle.WorkerHandle<Batch>, ThreadMessage>({
    policy,
    spawn: (_, { onEnd, onMessage }) => {
      state.tasks = ThreadTasks.make(capacity)
      const options = { name, workerData: { module, flags: state.tasks.flags } satisfies ThreadData }
      return NodeWorkerHandle.thread(program, options, { onMessage, onEnd: (reason) => onEnd(`the thread ${reason}`) })
    },
    onMessage: (id, message) => {
      if (message._tag === "Refused") return supervisor.kill(id, message.detail)
      if (message._tag === "Ended") {
        supervisor.progress(id)
        return endTasks(state, message)
      }
      const { listener } = state
      state.job = { name: message.name, version: message.version }
      supervisor.ready(id)
      if (isReady()) listener?.([{ _tag: "Ready" }])
    },
    hadWork: () => ThreadTasks.running(state.tasks) !== undefined,
    onNotice: (notice) => {
      if (notice._tag !== "WorkerEnded") return
      const { isFailure, reason, wasReady } = notice
      // Another end is followed by a new start, and was reported as a loss before.
      loseTasks(state, reason, isGone() ? "Gone" : isFailure && wasReady ? "Lost" : undefined)
    }
  })
  const isReady = () => supervisor.available().length > 0
  const isGone = () => supervisor.state().phase === "failed"

  const cancel = (ids: Iterable<number>) => {
    ThreadTasks.cancel(state.tasks, ids, now())
    if (state.tasks.inFlight.cancelledAt.size > 0) hasCancelled.openUnsafe()
  }
  /** Kills the thread if its packet was cancelled a grace period ago. Waiting packets are skipped without a kill. */
  const killOverdue = Effect.sync(() => {
    if (state.tasks.inFlight.cancelledAt.size === 0) hasCancelled.closeUnsafe()
    if (!ThreadTasks.isOverdue(state.tasks, now(), gracePeriodMillis)) return
    const reason = `cancelled work did not stop within ${gracePeriodMillis} ms: thread killed`
    for (const [id] of supervisor.available()) supervisor.kill(id, reason)
  })
  const watchOnce = Effect.andThen(Effect.sleep(gracePeriodMillis / 4), killOverdue)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(hasCancelled.await, watchOnce)))
  yield* Effect.mapError(
    supervisor.start(1),
    ({ message }) => new FarmError({ reason: new ModuleLoadFailed({ module, detail: message }) })
  )

  const attached = (report: NonNullable<State["listener"]>) => {
    state.listener = report
    if (!isReady()) report([{ _tag: isGone() ? "Gone" : "Lost", message: state.lastError }])
  }
  const detach = Effect.suspend(() => {
    state.listener = undefined
    cancel(state.tasks.inFlight.entries.keys())
    return InFlight.idle(state.tasks.inFlight)
  })
  const run: Worker["run"] = (tasks) => {
    const [current] = supervisor.available()
    if (current === undefined) return
    ThreadTasks.add(state.tasks, tasks)
    const packets = Array.from(tasks, ({ packet }) => packet)
    post(current[1], packets)
  }
  const attach: Worker["attach"] = (report) =>
    Effect.acquireRelease(
      Effect.sync(() => attached(report)),
      () => detach
    )
  const worker: Worker = { name, job: state.job, capacity, latencyMillis: 2, attach, run, cancel }
  return worker
})
