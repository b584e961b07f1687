/**
 * A worker on a thread of this process. It outlives its threads: one that crashes is replaced, and one that has done a
 * number of packets is recycled, which the farm does not notice.
 */
import type { ResourceLimits } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as EventLoopDelay from "../../process/EventLoopDelay.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeSupervisor from "../../process/NodeSupervisor.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import type * as Supervision from "../../process/Supervision.ts"
import * as ByteEstimate from "../ByteEstimate.ts"
import { type ErrorText, FarmError, ModuleLoadFailed } from "../FarmError.ts"
import * as InFlight from "../InFlight.ts"
import type { Report, Worker } from "../Worker.ts"
import { type Ended, OutcomeCode, type ThreadData, type ThreadMessage, type ToThread } from "./NodeFarmMessage.ts"
import * as NodeThreadPost from "./NodeThreadPost.ts"
import type { ThreadEvent } from "./ThreadEvent.ts"
import * as ThreadTasks from "./ThreadTasks.ts"

/** The parameters of a worker. */
export interface Settings {
  readonly name: string
  readonly module: string
  readonly capacity: number
  readonly gracePeriodMillis: number
  /** The number of packets after which a thread is replaced. */
  readonly recycleAfter: number
  readonly resourceLimits: ResourceLimits | undefined
  readonly maxPacketBytes: number
  readonly sweeper: Sweeper.Sweeper
  readonly publish: (event: ThreadEvent) => void
}

type Handle = NodeWorkerHandle.WorkerHandle<ToThread>

const program = NodeModuleUrl.sibling(import.meta.url, "NodeFarmThread")

/** The delays are for crashes without a packet in progress: the worker is given up at the sixth in a row. */
const policy: Supervision.Policy = {
  startTimeoutMillis: 60_000,
  initialRestartDelayMillis: 20,
  maxRestartDelayMillis: 5_000,
  stableUptimeMillis: Number.POSITIVE_INFINITY,
  maxIdleFailures: 5
}

/** Copies of more packets would fill the memory, and not make the thread faster. */
const windowBytes = 2 ** 20

/** The time between two reports that a thread works. */
const workingIntervalMillis = 1_000

/** The state of a worker. */
interface Driver {
  readonly settings: Settings
  /** The tasks of the current thread. */
  tasks: ThreadTasks.ThreadTasks
  /** The current thread, by the id that the supervisor gave it, and the tasks sent before its first one. */
  threadId: number | undefined
  firstPosition: number
  /** The current thread, while it takes packets. */
  thread: Handle | undefined
  /** True while a recycled thread waits for its successor, which takes over the tasks. */
  isRecycling: boolean
  /** The recycled threads that have not ended, with the time at which they are killed, in milliseconds. */
  readonly retiring: Map<number, number>
  /** The state of the worker as the farm knows it. */
  state: "starting" | "ready" | "lost" | "gone"
  job: Worker["job"]
  hasServices: boolean
  /** The reason for which the last thread ended. */
  lastError: string
  /** The id of the task that ended last. */
  lastEndedId: number | undefined
  /** Receives the reports of a run. */
  listener: ((reports: ReadonlyArray<Report>) => void) | undefined
  /** The task of the last `Working`, and its time in milliseconds. */
  workingId: number | undefined
  workingAt: number
  /** The time since which the thread has had tasks, but neither works on one nor ends any, in milliseconds. */
  stuckSince: number | undefined
  /** The checks of the thread; undefined while there are none. */
  checks: { readonly end: () => void; readonly delay: EventLoopDelay.EventLoopDelay } | undefined
}

type Supervisor = NodeSupervisor.Supervisor<Handle>

const reportOf = (id: number, { millis, outcomes, values }: Ended, at: number): Report => {
  const outcome = outcomes[at]
  if (outcome === OutcomeCode.done) return { _tag: "Done", id, result: values[at], millis: millis[at]! }
  if (outcome === OutcomeCode.stopped) return { _tag: "Stopped", id }
  const error = values[at] as ErrorText
  if (outcome === OutcomeCode.failed) return { _tag: "Failed", id, error }
  return { _tag: "Failed", id, error, kind: outcome === OutcomeCode.tooLarge ? "TooLarge" : "Unsendable" }
}

/**
 * The most bytes in a message, unless one packet is larger. The allocator maps larger ones anew each time: with 16
 * packets of 64 KiB in a message, a packet takes twice the CPU time.
 */
const maxMessageBytes = 2 ** 16

/** Sends the waiting tasks that the thread may have now. The first one stands for the size of all. */
const sendWaiting = ({ firstPosition, settings, tasks, thread }: Driver) => {
  if (thread === undefined) return
  while (tasks.waiting.length > 0) {
    const fitting = Math.max(1, maxMessageBytes / ByteEstimate.estimate(tasks.waiting[0]!.packet))
    const allowed = firstPosition + settings.recycleAfter - tasks.sentCount
    const batch = ThreadTasks.takeBatch(tasks, Math.min(Math.floor(fitting), allowed))
    if (batch.length === 0) return
    NodeThreadPost.post(thread, batch, settings.maxPacketBytes)
  }
}

const endTasks = (driver: Driver, ended: Ended) => {
  // The end of the last task of a run that was detached lets the next run attach at once: it must not receive this.
  const { listener } = driver
  const ids = ThreadTasks.end(driver.tasks, ended.outcomes.length)
  driver.stuckSince = undefined
  const reports: Array<Report> = []
  for (const [at, id] of ids.entries()) {
    // It was skipped, and has ended by its cancel.
    if (id === undefined) continue
    driver.lastEndedId = id
    reports.push(reportOf(id, ended, at))
  }
  if (reports.length > 0) listener?.(reports)
}

/** Replaces the thread if it has had its number of packets, all of which have ended. */
const recycleIfDue = (driver: Driver, supervisor: Supervisor) => {
  const { firstPosition, settings, tasks, thread, threadId } = driver
  if (thread === undefined || threadId === undefined) return
  if (tasks.endedCount - firstPosition < settings.recycleAfter) return
  driver.thread = undefined
  driver.isRecycling = true
  driver.retiring.set(threadId, settings.sweeper.now() + settings.gracePeriodMillis)
  watch(driver, supervisor)
  settings.publish({ _tag: "ThreadRecycled", worker: settings.name, packets: settings.recycleAfter })
  thread.post("End")
  supervisor.detach(threadId)
}

/** Makes the data of a new thread. A successor of a recycled thread takes over its tasks. */
const beginThread = (driver: Driver, threadId: number): ThreadData => {
  const { isRecycling, settings } = driver
  if (!isRecycling) driver.tasks = ThreadTasks.make(settings.capacity)
  driver.isRecycling = false
  driver.threadId = threadId
  driver.firstPosition = driver.tasks.sentCount
  const { maxPacketBytes, module } = settings
  return { module, maxPacketBytes, flags: driver.tasks.flags, firstPosition: driver.firstPosition }
}

const onReady = (driver: Driver, supervisor: Supervisor, id: number, ready: ThreadMessage & { _tag: "Ready" }) => {
  const { listener, settings, state } = driver
  driver.job = { name: ready.name, version: ready.version }
  driver.hasServices = ready.hasServices
  // The caller that waits for the start may send tasks within `ready`.
  driver.thread = supervisor.handle(id)
  driver.state = "ready"
  supervisor.ready(id)
  if (!supervisor.available().some(([available]) => available === id)) {
    driver.thread = undefined
    driver.state = state
    return
  }
  if (state === "lost") {
    settings.publish({ _tag: "ThreadReplaced", worker: settings.name })
    listener?.([{ _tag: "Ready" }])
  }
  sendWaiting(driver)
}

const onMessage = (driver: Driver, supervisor: Supervisor, id: number, message: ThreadMessage) => {
  if (message._tag === "Ready") return onReady(driver, supervisor, id, message)
  if (message._tag === "Refused") return supervisor.kill(id, message.detail)
  supervisor.progress(id)
  // The successor of a thread that died has other tasks.
  if (id !== driver.threadId) return
  endTasks(driver, message)
  recycleIfDue(driver, supervisor)
  sendWaiting(driver)
}

/** Takes the tasks from a worker whose thread has ended. */
const loseTasks = (driver: Driver, reason: string, change: "Lost" | "Gone") => {
  const { lastEndedId, listener, settings, state, tasks } = driver
  const lost = ThreadTasks.lost(tasks)
  const message = lost === undefined && lastEndedId !== undefined ? `${reason}, after packet ${lastEndedId}` : reason
  driver.lastError = message
  driver.lastEndedId = undefined
  driver.workingId = undefined
  driver.state = change === "Gone" ? "gone" : "lost"
  tasks.waiting = []
  // The next run may attach at once, and must find the new state.
  InFlight.takeAll(tasks.inFlight)
  settings.publish({ _tag: "ThreadDied", worker: settings.name, message: reason, packet: lost })
  if (change === "Gone") settings.publish({ _tag: "WorkerGivenUp", worker: settings.name, message: reason })
  // A thread that dies before it is ready was reported as lost before, unless it was to take over tasks.
  if (change === "Lost" && state !== "ready") return
  listener?.([{ _tag: change, message, running: lost === undefined ? [] : [lost] }])
}

const onEnded = (driver: Driver, supervisor: Supervisor, notice: Supervision.Notice & { _tag: "WorkerEnded" }) => {
  const { retiring, settings, state, threadId } = driver
  const wasRetiring = retiring.delete(notice.id)
  if (notice.id === threadId) {
    driver.thread = undefined
    // The pool has ended before the run: nothing ends its tasks any more.
    if (!notice.isFailure) InFlight.takeAll(driver.tasks.inFlight)
  }
  if (!notice.isFailure || state === "starting") return
  if (wasRetiring || notice.id !== threadId) {
    return settings.publish({ _tag: "ThreadDied", worker: settings.name, message: notice.reason })
  }
  loseTasks(driver, notice.reason, supervisor.state().phase === "failed" ? "Gone" : "Lost")
}

/**
 * Reports the task that the thread works on, if it is another one than at the last check, and each second. The outcomes
 * of small packets before it may be unsent: their order does not say which one is at work.
 */
const reportWorking = (driver: Driver, running: number | undefined, now: number) => {
  const { listener, workingAt, workingId } = driver
  if (running === undefined || listener === undefined) return
  if (running === workingId && now - workingAt < workingIntervalMillis) return
  driver.workingId = running
  driver.workingAt = now
  listener([{ _tag: "Working", id: running }])
}

/** Returns true if the thread has tasks, but its event loop is blocked by something else, for a grace period. */
const isStuck = (driver: Driver, running: number | undefined, now: number) => {
  const { settings, tasks, thread } = driver
  if (thread === undefined || running !== undefined || tasks.sentCount === tasks.endedCount) {
    driver.stuckSince = undefined
    return false
  }
  driver.stuckSince ??= now
  return now - driver.stuckSince >= settings.gracePeriodMillis && tasks.skipped.size > 0
}

/** Moves the deadlines of the threads: for this time their messages could not be read. */
const postpone = (driver: Driver, millis: number, now: number) => {
  const { retiring, stuckSince, tasks } = driver
  if (stuckSince !== undefined) driver.stuckSince = Math.min(now, stuckSince + millis)
  for (const [id, deadline] of retiring) retiring.set(id, deadline + millis)
  InFlight.postpone(tasks.inFlight, millis, now)
}

/** Kills the thread if its packet was cancelled a grace period ago. Waiting packets are skipped without a kill. */
const check = (driver: Driver, supervisor: Supervisor, now: number) => {
  const { retiring, settings, tasks, threadId } = driver
  const { gracePeriodMillis } = settings
  const lateMillis = driver.checks?.delay.take() ?? 0
  if (lateMillis > 0) postpone(driver, lateMillis, now)
  const running = ThreadTasks.running(tasks)
  const kill = (id: number, what: string) =>
    supervisor.kill(id, `${what} within ${gracePeriodMillis} ms: thread killed`)
  for (const [id, deadline] of retiring) if (now >= deadline) kill(id, "the services of the job were not released")
  if (tasks.inFlight.entries.size === 0) {
    driver.workingId = undefined
    if (retiring.size > 0) return
    driver.checks?.end()
    driver.checks = undefined
    return
  }
  reportWorking(driver, running, now)
  if (threadId === undefined) return
  if (ThreadTasks.isOverdue(tasks, now, gracePeriodMillis)) kill(threadId, "cancelled work did not stop")
  else if (isStuck(driver, running, now)) kill(threadId, "the thread did not skip a cancelled packet")
}

/** Checks the thread regularly, until it has no tasks. */
const watch = (driver: Driver, supervisor: Supervisor) => {
  if (driver.checks !== undefined) return
  const { gracePeriodMillis, sweeper } = driver.settings
  const delay = EventLoopDelay.make(gracePeriodMillis, sweeper.now)
  driver.checks = { delay, end: sweeper.add((now) => check(driver, supervisor, now)) }
}

/** Starts the thread of a worker, and waits until it has loaded the job. */
const start = Effect.fnUntraced(function* (driver: Driver) {
  const { gracePeriodMillis, module, name, resourceLimits } = driver.settings
  const supervisor: Supervisor = yield* NodeSupervisor.make<Handle, ThreadMessage>({
    policy,
    spawn: (id, { onEnd, onMessage }) => {
      const options = { name, resourceLimits, workerData: beginThread(driver, id) }
      return NodeWorkerHandle.thread(program, options, { onMessage, onEnd: (reason) => onEnd(`the thread ${reason}`) })
    },
    onMessage: (id, message) => onMessage(driver, supervisor, id, message),
    hadWork: (id) => id === driver.threadId && ThreadTasks.lost(driver.tasks) !== undefined,
    onNotice: (notice) => {
      if (notice._tag === "WorkerEnded") onEnded(driver, supervisor, notice)
    },
    requestDrain: (thread) => (driver.hasServices ? thread.post("End") : thread.kill())
  })
  yield* Effect.addFinalizer(() => supervisor.drain(gracePeriodMillis))
  yield* Effect.mapError(
    supervisor.start(1),
    ({ message }) => new FarmError({ reason: new ModuleLoadFailed({ module, detail: message }) })
  )
  return supervisor
})

/** Starts a worker and waits until it has loaded the job. It ends with the scope. */
export const make = Effect.fnUntraced(function* (settings: Settings) {
  const { capacity, maxPacketBytes, name, sweeper } = settings
  const driver: Driver = {
    settings,
    ...{ tasks: ThreadTasks.make(capacity), threadId: undefined, firstPosition: 0, thread: undefined },
    ...{ isRecycling: false, retiring: new Map(), state: "starting", job: { name: "", version: 0 } },
    ...{ hasServices: false, lastError: "", lastEndedId: undefined, listener: undefined },
    ...{ workingId: undefined, workingAt: 0, stuckSince: undefined, checks: undefined }
  }
  const supervisor = yield* start(driver)
  yield* Effect.addFinalizer(() => Effect.sync(() => driver.checks?.end()))

  const cancel = (ids: Iterable<number>) => {
    const { listener } = driver
    const ended = ThreadTasks.cancel(driver.tasks, ids, sweeper.now())
    if (ended.length > 0 && listener !== undefined) {
      const reports = ended.map((id): Report => ({ _tag: "Stopped", id }))
      // After `cancel` has returned, unless another run has the worker then.
      queueMicrotask(() => {
        if (driver.listener === listener) listener(reports)
      })
    }
    if (driver.tasks.inFlight.cancelledAt.size === 0) return
    driver.thread?.post("Cancelled")
    watch(driver, supervisor)
  }
  const attached = (report: NonNullable<Driver["listener"]>) => {
    driver.listener = report
    driver.workingId = undefined
    if (driver.state === "lost") report([{ _tag: "Lost", message: driver.lastError }])
    if (driver.state === "gone") report([{ _tag: "Gone", message: driver.lastError }])
  }
  const detach = Effect.suspend(() => {
    driver.listener = undefined
    cancel(driver.tasks.inFlight.entries.keys())
    return InFlight.idle(driver.tasks.inFlight)
  })
  const run: Worker["run"] = (tasks) => {
    // A lost worker reports `Ready` before it takes tasks: the farm has not read its loss yet.
    if (driver.state !== "ready") return
    ThreadTasks.add(driver.tasks, tasks)
    watch(driver, supervisor)
    sendWaiting(driver)
  }
  const attach: Worker["attach"] = (report) =>
    Effect.acquireRelease(
      Effect.sync(() => attached(report)),
      () => detach
    )
  const worker: Worker = {
    ...{ name, job: driver.job, capacity, latencyMillis: 2, maxPacketBytes, windowBytes, reportsEachBegin: true },
    ...{ attach, run, cancel }
  }
  return worker
})
