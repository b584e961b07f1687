/**
 * A worker that several runs share by fair queueing. The run that has used the least working time for its priority is
 * served next, so that a run with many or long packets does not delay the others. A run whose packet has killed its
 * worker waits behind the others, which wait for the next one: their packets come first there.
 *
 * Each run sees a worker of its own, which has the tasks of that run only.
 */
import * as Effect from "effect/Effect"
import * as PacketSizing from "../dispatcher/PacketSizing.ts"
import * as InFlight from "../InFlight.ts"
import type { Report, Task, Worker } from "../Worker.ts"

/** A run on a pool. */
export interface Client {
  /** The share of the working time, relative to other runs: 2 receives twice as much as 1. */
  readonly priority: number
  /** Working time in milliseconds by the priority, with an estimate for the tasks in flight. */
  virtualTime: number
  /** The tasks on all workers. */
  taskCount: number
  /** The duration of the last task. */
  lastTaskMillis: number
}

/** The common state of the workers of a pool. */
export interface PoolClock {
  /** The virtual time of the run served last. An idle run starts there: it gains no credit while it is idle. */
  virtualTime: number
}

/** The part of one run in a worker. */
interface Lane {
  readonly client: Client
  readonly report: (reports: ReadonlyArray<Report>) => void
  /** The tasks that the worker does not have yet. */
  readonly waiting: Array<Task>
}

/** A task at the worker, with its id in the run. */
interface SentTask {
  readonly lane: Lane
  readonly id: number
  readonly estimateMillis: number
}

/** A shared worker. */
export interface SharedWorker {
  readonly worker: Worker
  readonly clock: PoolClock
  readonly lanes: Set<Lane>
  /** The tasks at the worker, by the id that they have there, in the order of the worker. */
  readonly inFlight: InFlight.InFlight<number, SentTask>
  /** The ids of the tasks that the worker has begun and not ended, as far as it is known. */
  readonly begun: Set<number>
  readonly throughput: PacketSizing.Throughput
  /** Runs a function after the current one has returned. */
  readonly defer: (later: () => void) => void
  state: "ready" | "lost" | "gone"
  lossMessage: string
  nextId: number
}

/** Makes the client of a run that begins. */
export const makeClient = (priority: number, { virtualTime }: PoolClock): Client => ({
  ...{ priority, virtualTime, taskCount: 0, lastTaskMillis: 0 }
})

/** Makes a shared worker, which is not attached yet. */
export const make = (worker: Worker, clock: PoolClock, defer: SharedWorker["defer"]): SharedWorker => ({
  ...{ worker, clock, defer, lanes: new Set(), inFlight: InFlight.make(), begun: new Set() },
  ...{ throughput: PacketSizing.make(), state: "ready", lossMessage: "", nextId: 0 }
})

/** The duration of a task up to which measurements do not decay. */
const targetMillis = 100

/**
 * The working time that a run is charged with when its packet kills a worker, in milliseconds. A thread takes a tenth
 * of it to start on an idle host, and several times as much on a busy one.
 */
export const lossMillis = 1_000

/** The cancel of a task at the worker is timed there. */
const untimedMillis = 0

const nextLane = (lanes: Iterable<Lane>): Lane | undefined => {
  let next: Lane | undefined
  for (const lane of lanes) {
    if (lane.waiting.length === 0) continue
    if (next === undefined || lane.client.virtualTime < next.client.virtualTime) next = lane
  }
  return next
}

/** Sends waiting tasks to the worker, as many as it needs to be busy. */
const send = (shared: SharedWorker) => {
  const { clock, inFlight, lanes, state, throughput, worker } = shared
  if (state !== "ready") return
  const window = PacketSizing.windowSize(throughput, worker.capacity, worker.latencyMillis)
  const tasks: Array<Task> = []
  while (inFlight.entries.size < window) {
    const lane = nextLane(lanes)
    if (lane === undefined) break
    const { client, waiting } = lane
    const task = waiting.shift()!
    const estimateMillis = client.lastTaskMillis / client.priority
    clock.virtualTime = client.virtualTime
    client.virtualTime += estimateMillis
    const id = shared.nextId++
    InFlight.add(inFlight, id, { lane, id: task.id, estimateMillis })
    tasks.push({ ...task, id })
  }
  if (tasks.length > 0) worker.run(tasks)
}

/** Reports for each run. */
type Reports = Map<Lane, Array<Report>>

const add = (reports: Reports, lane: Lane, report: Report) => {
  const list = reports.get(lane)
  if (list === undefined) reports.set(lane, [report])
  else list.push(report)
}

const endTask = (
  { begun, inFlight, throughput }: SharedWorker,
  report: Extract<Report, { readonly _tag: "Done" | "Failed" | "Stopped" }>,
  reports: Reports
) => {
  const task = InFlight.take(inFlight, report.id)
  begun.delete(report.id)
  if (task === undefined) return
  const { estimateMillis, id, lane } = task
  const { client } = lane
  client.taskCount--
  client.virtualTime -= estimateMillis
  if (report._tag === "Done") {
    PacketSizing.record(throughput, 1, report.millis, targetMillis)
    client.virtualTime += report.millis / client.priority
    client.lastTaskMillis = report.millis
  }
  add(reports, lane, { ...report, id })
}

/** Takes the tasks from all runs, and names to each run those of its tasks that were begun. */
const lose = (
  shared: SharedWorker,
  { _tag, message, running }: Extract<Report, { readonly _tag: "Lost" | "Gone" }>,
  reports: Reports
) => {
  const { begun, inFlight, lanes } = shared
  const suspects = running ?? [...begun]
  begun.clear()
  shared.state = _tag === "Gone" ? "gone" : "lost"
  shared.lossMessage = message
  const lost = InFlight.takeAll(inFlight)
  for (const [id, { estimateMillis, lane }] of lost) {
    lane.client.taskCount--
    lane.client.virtualTime -= estimateMillis
    if (running?.includes(id)) lane.client.virtualTime += lossMillis / lane.client.priority
  }
  for (const lane of lanes) {
    lane.client.taskCount -= lane.waiting.length
    lane.waiting.length = 0
    const ids = lost.flatMap(([id, task]) => (task.lane === lane && suspects.includes(id) ? [task.id] : []))
    add(reports, lane, { _tag, message, running: ids })
  }
}

/** Tells every run that the worker is well. */
const alive = ({ lanes }: SharedWorker, reports: Reports, except?: Lane) => {
  for (const lane of lanes) if (lane !== except) add(reports, lane, { _tag: "Alive" })
}

/** Tells the run of a task that it is begun, and the other runs that the worker is well. */
const working = (shared: SharedWorker, id: number, reports: Reports) => {
  const task = shared.inFlight.entries.get(id)
  if (task !== undefined) add(reports, task.lane, { _tag: "Working", id: task.id })
  alive(shared, reports, task?.lane)
}

/** Returns the task that a worker begins after an outcome: the oldest, unless it reports every begin. */
const beginNext = ({ begun, inFlight, worker }: SharedWorker): number | undefined => {
  if (worker.reportsEachBegin === true) return undefined
  const oldest = inFlight.entries.keys().next().value
  if (oldest !== undefined) begun.add(oldest)
  return oldest
}

/**
 * Returns the reports in the order in which the runs are served. A run sends tasks as soon as it receives a report of a
 * worker that is ready.
 */
const inTurn = (reports: Reports): Iterable<readonly [Lane, ReadonlyArray<Report>]> =>
  reports.size < 2 ? reports : [...reports].sort(([one], [two]) => one.client.virtualTime - two.client.virtualTime)

/** Applies the reports of the worker. */
export const receive = (shared: SharedWorker, all: ReadonlyArray<Report>) => {
  const { begun, inFlight } = shared
  const reports: Reports = new Map()
  let next: number | undefined
  for (const report of all) {
    switch (report._tag) {
      case "Working":
        begun.add(report.id)
        working(shared, report.id, reports)
        break
      case "Alive":
        alive(shared, reports)
        break
      case "Ready":
        shared.state = "ready"
        for (const lane of shared.lanes) add(reports, lane, report)
        break
      case "Lost":
      case "Gone":
        lose(shared, report, reports)
        next = undefined
        break
      default:
        endTask(shared, report, reports)
        next = beginNext(shared)
    }
  }
  const task = next === undefined ? undefined : inFlight.entries.get(next)
  if (task !== undefined) add(reports, task.lane, { _tag: "Working", id: task.id })
  for (const [lane, list] of inTurn(reports)) lane.report(list)
  send(shared)
}

/** Ends waiting tasks of a run, and cancels those at the worker. */
const cancel = ({ defer, inFlight, worker }: SharedWorker, lane: Lane, isWanted: (id: number) => boolean) => {
  const stopped = lane.waiting.filter(({ id }) => isWanted(id))
  if (stopped.length > 0) {
    const others = lane.waiting.filter(({ id }) => !isWanted(id))
    lane.waiting.splice(0, lane.waiting.length, ...others)
    lane.client.taskCount -= stopped.length
    defer(() => lane.report(stopped.map(({ id }) => ({ _tag: "Stopped", id }))))
  }
  const keys = InFlight.keysOf(inFlight, (task) => task.lane === lane && isWanted(task.id))
  const ids = InFlight.cancelAll(inFlight, keys, untimedMillis)
  if (ids.length > 0) worker.cancel(ids)
}

/** Makes the worker that one run sees. */
export const workerFor = (shared: SharedWorker, client: Client): Worker => {
  const { clock, inFlight, lanes, worker } = shared
  let lane: Lane | undefined
  const attached = (report: Lane["report"]) => {
    const own: Lane = { client, report, waiting: [] }
    lane = own
    lanes.add(own)
    if (shared.state === "ready") return own
    const change = shared.state === "gone" ? "Gone" : "Lost"
    report([{ _tag: change, message: shared.lossMessage, running: [] }])
    return own
  }
  const detached = (own: Lane) =>
    Effect.suspend(() => {
      lanes.delete(own)
      cancel(shared, own, () => true)
      return InFlight.idle(inFlight, (task) => task.lane === own)
    })
  return {
    ...worker,
    reportsEachBegin: true,
    attach: (report) =>
      Effect.acquireRelease(
        Effect.sync(() => attached(report)),
        detached
      ),
    run: (tasks) => {
      if (lane === undefined || shared.state !== "ready") return
      if (client.taskCount === 0) client.virtualTime = Math.max(client.virtualTime, clock.virtualTime)
      client.taskCount += tasks.length
      for (const task of tasks) lane.waiting.push(task)
      send(shared)
    },
    cancel: (ids) => {
      if (lane === undefined) return
      const wanted = new Set(ids)
      cancel(shared, lane, (id) => wanted.has(id))
    }
  }
}
