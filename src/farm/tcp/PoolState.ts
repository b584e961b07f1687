/**
 * The assignment of the tasks of many clients to workers by fair queueing, without effects. The client that has used
 * the least working time, its virtual time, is served next; only tasks that are done count, and those that have killed
 * their worker.
 *
 * The state is mutable: `step` takes the same time however many tasks wait.
 */
import * as PacketSizing from "../dispatcher/PacketSizing.ts"
import { errorText } from "../FarmError.ts"
import * as InFlight from "../InFlight.ts"
import { lossMillis } from "../pool/SharedWorker.ts"
import type { Report, Task, TaskOutcome, Worker } from "../Worker.ts"

/** The functions that receive what happens to the tasks of a client. */
export interface Listener {
  readonly onOutcomes: (outcomes: ReadonlyArray<TaskOutcome>) => void
  /** Receives the ids of tasks that a worker has begun, or works on still. Default: nothing. */
  readonly onWorking?: ((ids: ReadonlyArray<number>) => void) | undefined
  /** Receives the number of workers when there are more than the client knows of. Default: nothing. */
  readonly onThreads?: ((threads: number) => void) | undefined
}

/** The part of one worker in the tasks of a client. */
interface WorkerUsage {
  readonly name: string
  readonly host: string | undefined
  /** Tasks that were done, with their units and the working time. */
  packets: number
  units: number
  busyMillis: number
  /** Tasks that failed on the worker, or with it. */
  failures: number
}

/** Returns the units of a task by its packet, which the client has sent. */
export type UnitsOf = (packet: unknown) => number

/** The state of a client. */
export interface Client extends Listener {
  readonly unitsOf: UnitsOf
  /** By the index of the worker. */
  readonly usage: Map<number, WorkerUsage>
  readonly queue: Array<ClientTask>
  /** The tasks without an outcome, by the ids of the client. */
  readonly inFlight: InFlight.InFlight<number, ClientTask>
  /** Milliseconds of working time, including an estimate for tasks in flight. */
  virtualTime: number
  /** The duration of the last task. */
  lastTaskMillis: number
  /** The most workers that the client knows of. */
  threads: number
  /** No more tasks of the client begin: it has not read the outcomes of earlier ones. */
  isPaused: boolean
}

interface ClientTask {
  readonly client: Client
  readonly task: Task
  estimateMillis: number
  /** The worker that has the task, and the task's id there. */
  assigned: { readonly worker: PoolWorker; readonly id: number } | undefined
}

/** The state of a worker. */
interface PoolWorker extends WorkerInfo {
  readonly index: number
  readonly throughput: PacketSizing.Throughput
  readonly inFlight: InFlight.InFlight<number, ClientTask>
  /** The ids of tasks in flight that the worker has begun, as far as it is known. */
  readonly begun: Set<number>
  /** A worker that joins is neither counted nor used until it is attached. */
  state: "joining" | "ready" | "lost"
}

/** The state of a pool. */
export interface State {
  /** The workers that have not failed permanently, by index. */
  readonly workers: Map<number, PoolWorker>
  readonly clients: Set<Client>
  /** More workers may join. */
  mayJoin: boolean
  /** The error of the last worker that failed permanently. */
  goneMessage: string
  /** The index of the next worker, and the id of the next task. */
  nextWorker: number
  nextId: number
  /** The virtual time of the client served last. An idle client starts there: it gains no credit while it is idle. */
  virtualTime: number
}

/** An event. `worker` is the index of a worker. */
export type Event =
  | { readonly _tag: "Run"; readonly client: Client; readonly tasks: ReadonlyArray<Task> }
  | { readonly _tag: "Cancel"; readonly client: Client; readonly ids: Iterable<number> }
  /** The client receives no more outcomes. */
  | { readonly _tag: "Leave"; readonly client: Client }
  /** Begins no more tasks of the client, until it resumes. */
  | { readonly _tag: "Pause" | "Resume"; readonly client: Client }
  /** A worker that was added is attached. */
  | { readonly _tag: "Attached"; readonly worker: number }
  /** No more workers join. */
  | { readonly _tag: "JoiningEnded" }
  | { readonly _tag: "Reports"; readonly worker: number; readonly reports: ReadonlyArray<Report> }

/** An action, to be performed in this order. */
export type Action =
  | { readonly _tag: "Outcomes"; readonly client: Client; readonly outcomes: ReadonlyArray<TaskOutcome> }
  | { readonly _tag: "Working"; readonly client: Client; readonly ids: ReadonlyArray<number> }
  | { readonly _tag: "Threads"; readonly client: Client; readonly threads: number }
  | { readonly _tag: "Run"; readonly worker: number; readonly tasks: ReadonlyArray<Task> }
  | { readonly _tag: "Cancel"; readonly worker: number; readonly ids: ReadonlyArray<number> }
  | { readonly _tag: "AllGone"; readonly message: string }

/** The duration of a task up to which measurements do not decay. */
const targetMillis = 100

/** The workers keep the time of a cancel; the pool needs the fact only. */
const untimedMillis = 0

/** The properties of a worker that matter here. */
type WorkerInfo = Pick<Worker, "capacity" | "host" | "latencyMillis" | "name" | "reportsEachBegin">

/** Makes the state of a pool without workers and clients. */
export const make = (): State => ({
  ...{ workers: new Map(), clients: new Set(), mayJoin: true, goneMessage: "the pool has no workers" },
  ...{ nextWorker: 0, nextId: 0, virtualTime: 0 }
})

/** Adds a worker, and returns its index. Its `Attached` follows. */
export const addWorker = (state: State, info: WorkerInfo): number => {
  const { capacity, host, latencyMillis, name, reportsEachBegin } = info
  const index = state.nextWorker++
  state.workers.set(index, {
    ...{ index, name, host, capacity, latencyMillis, reportsEachBegin, throughput: PacketSizing.make() },
    ...{ inFlight: InFlight.make(), begun: new Set(), state: "joining" }
  })
  return index
}

/** Counts the workers that work, or will work again. */
export const threads = ({ workers }: State): number =>
  Array.from(workers.values()).filter(({ state }) => state !== "joining").length

const oneUnit: UnitsOf = () => 1

/** Adds a client, which knows of the present workers. Each of its tasks is a unit unless `unitsOf` says otherwise. */
export const join = (state: State, listener: Listener, unitsOf: UnitsOf = oneUnit): Client => {
  const client: Client = {
    ...listener,
    ...{ unitsOf, usage: new Map() },
    ...{ queue: [], inFlight: InFlight.make(), virtualTime: 0, lastTaskMillis: 0 },
    ...{ threads: threads(state), isPaused: false }
  }
  state.clients.add(client)
  return client
}

/** Adds a value to the list of a key. */
const append = <Key, Value>(lists: Map<Key, Array<Value>>, key: Key, value: Value) => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

const freeCapacity = ({ capacity, inFlight, latencyMillis, state, throughput }: PoolWorker) =>
  state === "ready" ? PacketSizing.windowSize(throughput, capacity, latencyMillis) - inFlight.entries.size : 0

/** Returns the first of the smallest items. */
const smallest = <A>(items: Iterable<A>, isWanted: (item: A) => boolean, size: (item: A) => number): A | undefined => {
  let best: A | undefined
  for (const item of items) if (isWanted(item) && (best === undefined || size(item) < size(best))) best = item
  return best
}

const assign = (state: State): ReadonlyArray<Action> => {
  const runs = new Map<number, Array<Task>>()
  while (true) {
    const worker = smallest(
      state.workers.values(),
      (one) => freeCapacity(one) > 0,
      ({ inFlight }) => inFlight.entries.size
    )
    const client = smallest(
      state.clients,
      ({ isPaused, queue }) => queue.length > 0 && !isPaused,
      ({ virtualTime }) => virtualTime
    )
    if (worker === undefined || client === undefined) break
    const clientTask = client.queue.shift()!
    const id = state.nextId++
    state.virtualTime = client.virtualTime
    clientTask.estimateMillis = client.lastTaskMillis
    client.virtualTime += clientTask.estimateMillis
    clientTask.assigned = { worker, id }
    InFlight.add(worker.inFlight, id, clientTask)
    append(runs, worker.index, { id, packet: clientTask.task.packet })
  }
  return Array.from(runs, ([worker, tasks]) => ({ _tag: "Run", worker, tasks }))
}

/** Outcomes for each client. */
type Outcomes = Map<Client, Array<TaskOutcome>>

const outcomeActions = (outcomes: Outcomes): ReadonlyArray<Action> =>
  Array.from(outcomes, ([client, all]) => ({ _tag: "Outcomes", client, outcomes: all }))

const stopped: TaskOutcome = { _tag: "Stopped", id: 0 }

/** Returns false after the client received an outcome, or has left. */
const isPending = (clientTask: ClientTask) => clientTask.client.inFlight.entries.get(clientTask.task.id) === clientTask

const isCancelled = ({ client, task }: ClientTask) => client.inFlight.cancelledAt.has(task.id)

/** The end of a task, with its working time if it is done. */
interface CountedReport {
  readonly _tag: TaskOutcome["_tag"]
  readonly millis: number
}

/** Counts the end of a task that its client waits for. */
const countUsage = ({ host, index, name }: PoolWorker, clientTask: ClientTask, { _tag, millis }: CountedReport) => {
  if (!isPending(clientTask) || isCancelled(clientTask)) return
  const { task } = clientTask
  const { unitsOf, usage } = clientTask.client
  const own = usage.get(index) ?? { name, host, packets: 0, units: 0, busyMillis: 0, failures: 0 }
  usage.set(index, own)
  if (_tag === "Failed") own.failures++
  if (_tag !== "Done") return
  own.packets++
  own.units += unitsOf(task.packet)
  own.busyMillis += millis
}

/** Ends a task for its client. */
const addOutcome = (outcomes: Outcomes, clientTask: ClientTask, outcome: TaskOutcome) => {
  if (!isPending(clientTask)) return
  const { client, task } = clientTask
  append(outcomes, client, { ...(isCancelled(clientTask) ? stopped : outcome), id: task.id })
  InFlight.take(client.inFlight, task.id)
}

/**
 * Fails the running tasks of a lost worker; the others wait again, before those that came later. The client of a task
 * that the worker names as running is charged with the loss.
 */
const loseWorker = (worker: PoolWorker, report: Extract<Report, { _tag: "Lost" | "Gone" }>, outcomes: Outcomes) => {
  const { message, running: named } = report
  const running = named ?? [...worker.begun]
  worker.begun.clear()
  for (const [id, clientTask] of InFlight.takeAll(worker.inFlight).toReversed()) {
    clientTask.client.virtualTime -= clientTask.estimateMillis
    if (named?.includes(id)) clientTask.client.virtualTime += lossMillis
    clientTask.assigned = undefined
    const waitsAgain = isPending(clientTask) && !isCancelled(clientTask) && !running.includes(id)
    if (waitsAgain) {
      clientTask.client.queue.unshift(clientTask)
      continue
    }
    countUsage(worker, clientTask, { _tag: "Failed", millis: 0 })
    addOutcome(outcomes, clientTask, { _tag: "Failed", id, error: errorText(message) })
  }
}

const receive = (worker: PoolWorker, report: Report, outcomes: Outcomes) => {
  switch (report._tag) {
    case "Alive":
      return
    case "Ready":
      worker.state = "ready"
      return
    case "Working":
      if (worker.inFlight.entries.has(report.id)) worker.begun.add(report.id)
      return
    case "Lost":
    case "Gone":
      worker.state = "lost"
      return loseWorker(worker, report, outcomes)
    default: {
      const clientTask = InFlight.take(worker.inFlight, report.id)
      if (clientTask === undefined) return
      worker.begun.delete(report.id)
      const next = worker.inFlight.entries.keys().next().value
      if (next !== undefined && worker.reportsEachBegin !== true) worker.begun.add(next)
      const { client, estimateMillis } = clientTask
      const millis = report._tag === "Done" ? report.millis : 0
      client.virtualTime += millis - estimateMillis
      countUsage(worker, clientTask, { _tag: report._tag, millis })
      if (report._tag === "Done") {
        PacketSizing.record(worker.throughput, 1, millis, targetMillis)
        client.lastTaskMillis = millis
      }
      return addOutcome(outcomes, clientTask, report)
    }
  }
}

/** Tells the clients which of their tasks a worker works on. */
const workingActions = ({ begun, inFlight }: PoolWorker): ReadonlyArray<Action> => {
  const ids = new Map<Client, Array<number>>()
  for (const id of begun) {
    const clientTask = inFlight.entries.get(id)
    if (clientTask !== undefined && isPending(clientTask)) append(ids, clientTask.client, clientTask.task.id)
  }
  return Array.from(ids, ([client, all]) => ({ _tag: "Working", client, ids: all }))
}

/** Tells the clients that there are more workers. */
const threadsActions = (state: State): ReadonlyArray<Action> => {
  const count = threads(state)
  const actions: Array<Action> = []
  for (const client of state.clients) {
    if (count <= client.threads) continue
    client.threads = count
    actions.push({ _tag: "Threads", client, threads: count })
  }
  return actions
}

const allGoneActions = ({ goneMessage, mayJoin, workers }: State): ReadonlyArray<Action> =>
  !mayJoin && workers.size === 0 ? [{ _tag: "AllGone", message: goneMessage }] : []

/** Cancels tasks. One that waits does not run any more: its client receives the outcome at once. */
const cancel = (client: Client, ids: Iterable<number>): ReadonlyArray<Action> => {
  const outcomes: Outcomes = new Map()
  const cancels = new Map<number, Array<number>>()
  for (const id of InFlight.cancelAll(client.inFlight, ids, untimedMillis)) {
    const clientTask = client.inFlight.entries.get(id)!
    const { assigned } = clientTask
    if (assigned === undefined) client.queue.splice(client.queue.indexOf(clientTask), 1)
    else append(cancels, assigned.worker.index, assigned.id)
    const isRunning = assigned?.worker.inFlight.entries.keys().next().value === assigned?.id
    if (assigned === undefined || !isRunning) addOutcome(outcomes, clientTask, stopped)
  }
  const workerCancels = Array.from(cancels, ([worker, all]): Action => ({ _tag: "Cancel", worker, ids: all }))
  return [...workerCancels, ...outcomeActions(outcomes)]
}

/** Applies an event, and returns the actions to perform. */
export const step = (state: State, event: Event): ReadonlyArray<Action> => {
  switch (event._tag) {
    case "Run": {
      const { client, tasks } = event
      if (client.inFlight.entries.size === 0) client.virtualTime = Math.max(client.virtualTime, state.virtualTime)
      for (const task of tasks) {
        const clientTask: ClientTask = { client, task, estimateMillis: 0, assigned: undefined }
        InFlight.add(client.inFlight, task.id, clientTask)
        client.queue.push(clientTask)
      }
      return assign(state)
    }
    case "Cancel":
      return cancel(event.client, event.ids)
    case "Leave": {
      const { client } = event
      state.clients.delete(client)
      const actions = cancel(client, client.inFlight.entries.keys())
      InFlight.takeAll(client.inFlight)
      return actions.filter(({ _tag }) => _tag === "Cancel")
    }
    case "Pause":
      event.client.isPaused = true
      return []
    case "Resume":
      event.client.isPaused = false
      return assign(state)
    case "Attached": {
      const worker = state.workers.get(event.worker)
      if (worker?.state === "joining") worker.state = "ready"
      return [...threadsActions(state), ...assign(state)]
    }
    case "JoiningEnded":
      state.mayJoin = false
      return allGoneActions(state)
    case "Reports": {
      const worker = state.workers.get(event.worker)
      if (worker === undefined) return []
      const outcomes: Outcomes = new Map()
      for (const report of event.reports) receive(worker, report, outcomes)
      const gone = event.reports.find((report) => report._tag === "Gone")
      if (gone !== undefined) {
        state.goneMessage = gone.message
        state.workers.delete(event.worker)
      }
      const allGone = gone === undefined ? [] : allGoneActions(state)
      const working = workingActions(worker)
      return [...outcomeActions(outcomes), ...working, ...allGone, ...assign(state)]
    }
  }
}
