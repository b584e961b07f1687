/**
 * A pool of workers that many clients share by fair queueing. The client that has used the least working time is served
 * next, so that a client with many or large packets does not delay the others.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as PacketSizing from "../dispatcher/PacketSizing.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import type { Report, Task, TaskOutcome, Worker } from "../Worker.ts"

/** A client of the pool. Its task ids are its own. */
interface PoolClient {
  /** Queues tasks; their ids must not be in use. */
  readonly run: (tasks: ReadonlyArray<Task>) => void
  /** Stops tasks soon. */
  readonly cancel: (ids: ReadonlyArray<number>) => void
}

/** A pool of workers of one job. */
export interface SharedWorkerPool {
  readonly job: Worker["job"]
  readonly threads: number
  /** Adds a client, which receives one outcome for each task. Its remaining tasks are stopped when the scope closes. */
  readonly join: (
    onOutcomes: (outcomes: ReadonlyArray<TaskOutcome>) => void
  ) => Effect.Effect<PoolClient, never, Scope.Scope>
  /** Waits until every worker has failed permanently; returns the last error. */
  readonly allGone: Effect.Effect<string>
}

interface ClientState {
  readonly onOutcomes: (outcomes: ReadonlyArray<TaskOutcome>) => void
  readonly queue: Array<ClientTask>
  readonly tasks: Map<number, ClientTask>
  /** Milliseconds of working time, including an estimate for tasks in flight. */
  virtualTime: number
  /** The duration of the last task. */
  lastTaskMillis: number
}

interface ClientTask {
  readonly client: ClientState
  readonly task: Task
  estimateMillis: number
  /** The worker that has the task, and the task's id there. */
  slot: WorkerSlot | undefined
  id: number
  isCancelled: boolean
  /** True after the client received the outcome. */
  isReported: boolean
}

interface WorkerSlot {
  readonly worker: Worker
  readonly throughput: PacketSizing.Throughput
  readonly tasks: Map<number, ClientTask>
  state: "ready" | "lost" | "gone"
}

/** The duration of a task up to which measurements do not decay. */
const targetMillis = 100

/** Makes a pool of workers, which it uses until the scope closes. Fails with `InvalidOptions` without workers. */
export const make = Effect.fnUntraced(function* (workers: ReadonlyArray<Worker>) {
  const [firstWorker] = workers
  if (firstWorker === undefined) {
    const message = "invalid worker count 0: must be at least 1"
    return yield* new FarmError({ reason: new InvalidOptions({ message }) })
  }
  const slots = workers.map(
    (worker): WorkerSlot => ({ worker, throughput: PacketSizing.make(), tasks: new Map(), state: "ready" })
  )
  const clients = new Set<ClientState>()
  const allGone = yield* Deferred.make<string>()
  let nextId = 0
  /** The virtual time of the client served last. An idle client starts there: it gains no credit while it is idle. */
  let poolVirtualTime = 0

  const freeCapacity = ({ tasks, throughput, state, worker }: WorkerSlot) =>
    state === "ready" ? PacketSizing.windowSize(throughput, worker.capacity, worker.latencyMillis) - tasks.size : 0

  const assign = () => {
    const runs = new Map<WorkerSlot, Array<Task>>()
    while (true) {
      let slot: WorkerSlot | undefined
      for (const other of slots) {
        if (freeCapacity(other) > 0 && (slot === undefined || other.tasks.size < slot.tasks.size)) slot = other
      }
      let client: ClientState | undefined
      for (const other of clients) {
        if (other.queue.length > 0 && (client === undefined || other.virtualTime < client.virtualTime)) client = other
      }
      if (slot === undefined || client === undefined) break
      const task = client.queue.shift()!
      poolVirtualTime = client.virtualTime
      task.estimateMillis = client.lastTaskMillis
      client.virtualTime += task.estimateMillis
      task.slot = slot
      task.id = nextId++
      slot.tasks.set(task.id, task)
      const tasks = runs.get(slot) ?? []
      tasks.push({ id: task.id, packet: task.task.packet })
      runs.set(slot, tasks)
    }
    for (const [{ worker }, tasks] of runs) worker.run(tasks)
  }

  const notifyClients = (outcomes: Map<ClientState, Array<TaskOutcome>>) => {
    for (const [{ onOutcomes }, all] of outcomes) onOutcomes(all)
  }
  const addOutcome = (outcomes: Map<ClientState, Array<TaskOutcome>>, clientTask: ClientTask, outcome: TaskOutcome) => {
    if (clientTask.isReported) return
    clientTask.isReported = true
    const { client, task } = clientTask
    client.tasks.delete(task.id)
    const all = outcomes.get(client) ?? []
    all.push({ ...outcome, id: task.id })
    outcomes.set(client, all)
  }
  const stopped: TaskOutcome = { _tag: "Stopped", id: 0 }

  const loseWorker = (
    slot: WorkerSlot,
    message: string,
    running: ReadonlyArray<number>,
    outcomes: Map<ClientState, Array<TaskOutcome>>
  ) => {
    const requeued: Array<ClientTask> = []
    for (const [id, task] of slot.tasks) {
      task.client.virtualTime -= task.estimateMillis
      task.slot = undefined
      if (task.isCancelled) addOutcome(outcomes, task, stopped)
      else if (running.includes(id)) addOutcome(outcomes, task, { _tag: "Failed", id, message })
      else requeued.push(task)
    }
    slot.tasks.clear()
    for (const task of requeued.reverse()) task.client.queue.unshift(task)
  }

  const receive = (slot: WorkerSlot, report: Report, outcomes: Map<ClientState, Array<TaskOutcome>>) => {
    switch (report._tag) {
      case "Ready":
        slot.state = "ready"
        return
      case "Lost":
      case "Gone":
        slot.state = report._tag === "Gone" ? "gone" : "lost"
        loseWorker(slot, report.message, report.running ?? [...slot.tasks.keys()].slice(0, 1), outcomes)
        if (slots.every(({ state }) => state === "gone")) Deferred.doneUnsafe(allGone, Exit.succeed(report.message))
        return
      default: {
        const task = slot.tasks.get(report.id)
        if (task === undefined) return
        slot.tasks.delete(report.id)
        const millis = report._tag === "Done" ? report.millis : 0
        if (report._tag === "Done") PacketSizing.record(slot.throughput, 1, millis, targetMillis)
        task.client.virtualTime += millis - task.estimateMillis
        if (report._tag === "Done") task.client.lastTaskMillis = millis
        return addOutcome(outcomes, task, task.isCancelled ? stopped : report)
      }
    }
  }

  const cancel = (client: ClientState, ids: Iterable<number>) => {
    const outcomes = new Map<ClientState, Array<TaskOutcome>>()
    for (const id of ids) {
      const task = client.tasks.get(id)
      if (task === undefined || task.isCancelled) continue
      task.isCancelled = true
      task.slot?.worker.cancel([task.id])
      if (task.slot === undefined) client.queue.splice(client.queue.indexOf(task), 1)
      // A waiting task does not run any more: its client receives the outcome at once.
      if (task.slot?.tasks.keys().next().value !== task.id) addOutcome(outcomes, task, stopped)
    }
    return outcomes
  }

  yield* Effect.forEach(
    slots,
    (slot) =>
      slot.worker.attach((reports) => {
        const outcomes = new Map<ClientState, Array<TaskOutcome>>()
        for (const report of reports) receive(slot, report, outcomes)
        notifyClients(outcomes)
        assign()
      }),
    { concurrency: "unbounded", discard: true }
  )

  const addClient = (onOutcomes: ClientState["onOutcomes"]) => {
    const client: ClientState = { onOutcomes, queue: [], tasks: new Map(), virtualTime: 0, lastTaskMillis: 0 }
    clients.add(client)
    return client
  }
  const pool: SharedWorkerPool = {
    job: firstWorker.job,
    threads: slots.length,
    allGone: Deferred.await(allGone),
    join: (onOutcomes) =>
      Effect.acquireRelease(
        Effect.sync(() => addClient(onOutcomes)),
        (client) =>
          Effect.sync(() => {
            clients.delete(client)
            const left = [...client.tasks.values()]
            cancel(client, [...client.tasks.keys()])
            for (const task of left) task.isReported = true
          })
      ).pipe(
        Effect.map((client) => ({
          run: (tasks) => {
            if (client.tasks.size === 0) client.virtualTime = Math.max(client.virtualTime, poolVirtualTime)
            for (const task of tasks) {
              const clientTask: ClientTask = {
                ...{ client, task, estimateMillis: 0, slot: undefined, id: -1 },
                ...{ isCancelled: false, isReported: false }
              }
              client.tasks.set(task.id, clientTask)
              client.queue.push(clientTask)
            }
            assign()
          },
          cancel: (ids) => notifyClients(cancel(client, ids))
        }))
      )
  }
  return pool
})
