/**
 * The agents of a pool, and the tasks that they hold, without a clock. Each thread of an agent is a `Worker` of each
 * run; its tasks wait here until the agent asks for some, and runs take turns by working time.
 *
 * The table is mutable: some thousand packets a second are added to it and taken from it.
 */
import * as Effect from "effect/Effect"
import { type ErrorText, errorText } from "../farm/FarmError.ts"
import type { Report, Worker } from "../farm/Worker.ts"
import * as Signal from "../network/Signal.ts"
import { type ExchangeCall, formatJob, type JobName, type LostJob, maxTextBytes, type Outcome } from "./FarmPool.ts"
import type * as JsonText from "./JsonText.ts"

/** A run of the pool. */
export interface PoolRun {
  readonly key: string
  readonly job: JobName
  readonly priority: number
  readonly packet: JsonText.JsonText
  readonly result: JsonText.JsonText
  /** Adds a worker of an agent that joins. */
  readonly onJoin: (worker: Worker) => void
  /** The reasons of the agents that cannot work on it, by the name of the agent. */
  readonly refusals: Map<string, string>
  /** The working time that the run has used, divided by its priority. */
  virtualMillis: number
  /** The moving average of the time for a packet. */
  packetMillis: number
  /** The tasks of all agents, waiting and held: a run without any is idle. */
  taskCount: number
}

/** A thread of an agent in a run. */
export interface RunWorker {
  readonly run: PoolRun
  readonly agent: Agent
  readonly slot: Slot
  /** The packets that the agent has not taken, by packet id. Their texts are written when it takes them. */
  readonly waiting: Map<number, unknown>
  /** The numbers of the tasks that the agent has, by packet id. */
  readonly held: Map<number, number>
  /** Reports that must wait, because a worker does not report within a call. */
  deferred: Array<Report>
  report: ((reports: ReadonlyArray<Report>) => void) | undefined
}

/** A task that an agent has. */
export interface HeldTask {
  readonly number: number
  readonly id: number
  readonly worker: RunWorker
  readonly estimateMillis: number
}

/** A thread of an agent. */
export interface Slot {
  readonly index: number
  /** The tasks by number, in the order in which the thread works on those of one job. */
  readonly held: Map<number, HeldTask>
  /** The jobs that the thread does not work on any more. */
  readonly lostJobs: Map<string, string>
  readonly workers: Array<RunWorker>
  heldMillis: number
}

/** A process that works for the pool. */
export interface Agent {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly session: string
  readonly jobs: ReadonlyArray<JobName>
  readonly slots: ReadonlyArray<Slot>
  /** The tasks of all slots by number. */
  readonly held: Map<number, HeldTask>
  /** Wakes the call of the agent that waits. */
  readonly signal: Signal.Signal
  cancels: Array<number>
  nextNumber: number
  heardAtMillis: number
}

/** The agents and runs of a pool. */
export interface AgentTable {
  readonly agents: Map<string, Agent>
  readonly runs: Map<string, PoolRun>
  /** The largest virtual time of a run that was served: one that begins, or was idle, starts here. */
  virtualMillis: number
  sessionCount: number
}

/** Makes the table of a pool without agents. */
export const make = (): AgentTable => ({ agents: new Map(), runs: new Map(), virtualMillis: 0, sessionCount: 0 })

/** The most tasks of a thread, running and waiting: only tiny packets need that many. */
export const maxSlotTasks = 512

/**
 * The time from a result until the next packet of an agent. It covers the network, the pace of the calls, and a host or
 * agent that waits for a processor: with it, a thread has three packets of 100 ms in hand.
 */
const latencyMillis = 150

const removeHeld = ({ agent, held, run, slot }: RunWorker, { estimateMillis, id, number }: HeldTask) => {
  run.taskCount--
  agent.held.delete(number)
  slot.held.delete(number)
  slot.heldMillis -= estimateMillis
  held.delete(id)
}

const send = (worker: RunWorker, reports: ReadonlyArray<Report>) => {
  if (reports.length > 0) worker.report?.(reports)
}

/** Stops all tasks of a worker. The outcomes of those that the agent has are ignored. */
const detach = (worker: RunWorker) => {
  const { agent, held, slot, waiting } = worker
  worker.report = undefined
  waiting.clear()
  for (const number of held.values()) agent.cancels.push(number)
  const at = slot.workers.indexOf(worker)
  if (at >= 0) slot.workers.splice(at, 1)
  agent.signal.notify()
}

const cancel = ({ agent, deferred, held, run, waiting }: RunWorker, ids: ReadonlyArray<number>) => {
  for (const id of ids) {
    const number = held.get(id)
    if (number !== undefined) agent.cancels.push(number)
    if (!waiting.delete(id)) continue
    run.taskCount--
    deferred.push({ _tag: "Stopped", id })
  }
  agent.signal.notify()
}

/** Ends a waiting packet that cannot be sent. */
export const refuse = ({ agent, deferred, run }: RunWorker, id: number, refused: JsonText.Refused): void => {
  run.taskCount--
  deferred.push({ _tag: "Failed", id, ...refused })
  // The call of the agent goes on with the packets behind it.
  agent.signal.notify()
}

const workerOf = (table: AgentTable, run: PoolRun, agent: Agent, slot: Slot): Worker => {
  const worker: RunWorker = {
    ...{ run, agent, slot, deferred: [], report: undefined },
    ...{ waiting: new Map(), held: new Map() }
  }
  slot.workers.push(worker)
  return {
    name: `${agent.name}/${slot.index + 1}`,
    host: agent.host,
    job: run.job,
    capacity: maxSlotTasks,
    latencyMillis,
    maxPacketBytes: maxTextBytes,
    reportsEachBegin: true,
    attach: (report) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          worker.report = report
          // The agent may have left, or its thread been lost, since the worker was made.
          const lost = table.agents.get(agent.id) === agent ? slot.lostJobs.get(formatJob(run.job)) : "it has left"
          if (lost !== undefined) report([{ _tag: "Gone", message: lost, running: [] }])
        }),
        () => Effect.sync(() => detach(worker))
      ),
    run: (tasks) => {
      if (run.taskCount === 0) run.virtualMillis = Math.max(run.virtualMillis, table.virtualMillis)
      for (const { id, packet } of tasks) {
        worker.waiting.set(id, packet)
        run.taskCount++
      }
      agent.signal.notify()
    },
    cancel: (ids) => cancel(worker, ids)
  }
}

const refusal = ({ jobs, name }: Agent, job: JobName) =>
  `${name}: it has ${jobs.length === 0 ? "no job" : jobs.map(formatJob).join(", ")}, not ${formatJob(job)}`

/** Makes the workers of an agent in a run: none if the agent has no module of the job. */
const workersOf = (table: AgentTable, run: PoolRun, agent: Agent): ReadonlyArray<Worker> => {
  const name = formatJob(run.job)
  if (!agent.jobs.some((job) => formatJob(job) === name)) {
    run.refusals.set(agent.name, refusal(agent, run.job))
    return []
  }
  return agent.slots.filter(({ lostJobs }) => !lostJobs.has(name)).map((slot) => workerOf(table, run, agent, slot))
}

/** Adds a run, and returns the workers of the agents that are there. */
export const addRun = (table: AgentTable, run: PoolRun): ReadonlyArray<Worker> => {
  table.runs.set(run.key, run)
  run.virtualMillis = table.virtualMillis
  return [...table.agents.values()].flatMap((agent) => workersOf(table, run, agent))
}

/** Removes a run, whose workers are detached. */
export const removeRun = (table: AgentTable, { key }: PoolRun): void => void table.runs.delete(key)

/** Adds an agent to all runs. One with this id that is there, of an earlier session, leaves them first. */
export const join = (table: AgentTable, call: ExchangeCall, sessionPrefix: string, nowMillis: number): Agent => {
  const earlier = table.agents.get(call.agent)
  if (earlier !== undefined) remove(table, earlier, "it has begun a new session", false)
  const slots = Array.from({ length: call.slots }, (_, index): Slot => {
    return { index, held: new Map(), lostJobs: new Map(), workers: [], heldMillis: 0 }
  })
  const agent: Agent = {
    ...{ id: call.agent, name: call.name, host: call.host, jobs: call.jobs, slots },
    ...{ session: `${sessionPrefix}${++table.sessionCount}`, held: new Map(), signal: Signal.make() },
    ...{ cancels: [], nextNumber: 1, heardAtMillis: nowMillis }
  }
  table.agents.set(agent.id, agent)
  for (const run of table.runs.values()) {
    run.refusals.delete(agent.name)
    for (const worker of workersOf(table, run, agent)) run.onJoin(worker)
  }
  return agent
}

/** Returns the packet ids of a worker that its thread works on: the oldest of each job is the one. */
const runningOf = (worker: RunWorker): ReadonlyArray<number> => {
  const job = formatJob(worker.run.job)
  for (const task of worker.slot.held.values()) {
    if (formatJob(task.worker.run.job) === job) return task.worker === worker ? [task.id] : []
  }
  return []
}

/** Ends a worker, whose tasks go to others. A failed attempt counts against the packets in `running`. */
const lose = (worker: RunWorker, message: string, running: ReadonlyArray<number>) => {
  worker.run.taskCount -= worker.waiting.size
  worker.waiting.clear()
  for (const number of [...worker.held.values()]) removeHeld(worker, worker.agent.held.get(number)!)
  send(worker, [{ _tag: "Gone", message, running }])
  worker.report = undefined
}

/** Removes an agent. Its packets go to others; if it `isBlamed`, those it worked on count as failed attempts. */
export const remove = (table: AgentTable, agent: Agent, message: string, isBlamed: boolean): void => {
  table.agents.delete(agent.id)
  for (const run of table.runs.values()) run.refusals.delete(agent.name)
  for (const { workers } of agent.slots) {
    // Before the first of them loses its tasks: they share the thread.
    const lost = workers.map((worker) => [worker, isBlamed ? runningOf(worker) : []] as const)
    for (const [worker, running] of lost) lose(worker, message, running)
  }
  agent.signal.notify()
}

const reportOf = ({ id, worker }: HeldTask, outcome: Outcome): Report => {
  if (outcome._tag === "Stopped") return { _tag: "Stopped", id }
  if (outcome._tag === "Failed") {
    const { error, kind } = outcome
    return { _tag: "Failed", id, error, ...(kind === undefined ? {} : { kind }) }
  }
  try {
    return { _tag: "Done", id, result: worker.run.result.read(outcome.result), millis: outcome.millis }
  } catch (cause) {
    return { _tag: "Failed", id, error: resultError(cause) }
  }
}

const resultError = (cause: unknown): ErrorText => {
  const { message } = errorText(cause)
  return { name: "InvalidResult", message: `the result does not fit its schema: ${message}` }
}

/** Counts the working time of a run. */
const charge = ({ run }: RunWorker, { estimateMillis }: HeldTask, outcome: Outcome) => {
  const millis = outcome._tag === "Done" ? outcome.millis : 0
  run.virtualMillis += (millis - estimateMillis) / run.priority
  if (outcome._tag === "Done") run.packetMillis += (millis - run.packetMillis) / 8
}

/** Applies what an agent brings: outcomes, lost jobs, and the tasks that it works on. Unknown numbers are ignored. */
export const receive = (agent: Agent, { lostJobs, outcomes, working }: ExchangeCall, nowMillis: number): void => {
  agent.heardAtMillis = nowMillis
  const reports = new Map<RunWorker, Array<Report>>()
  const add = (worker: RunWorker, report: Report) => {
    const own = reports.get(worker)
    if (own === undefined) reports.set(worker, [report])
    else own.push(report)
  }
  for (const outcome of outcomes) {
    const task = agent.held.get(outcome.number)
    if (task === undefined) continue
    removeHeld(task.worker, task)
    charge(task.worker, task, outcome)
    add(task.worker, reportOf(task, outcome))
  }
  for (const number of working) {
    const task = agent.held.get(number)
    if (task !== undefined) add(task.worker, { _tag: "Working", id: task.id })
  }
  for (const slot of agent.slots) {
    for (const worker of slot.workers) {
      // The agent is well, though its thread is busy with another run.
      if (worker.held.size + worker.waiting.size > 0 && !reports.has(worker)) add(worker, { _tag: "Alive" })
    }
  }
  for (const [worker, own] of reports) send(worker, own)
  flush(agent)
  for (const lost of lostJobs) loseJob(agent, lost)
}

const loseJob = (agent: Agent, { job, message, slot: index }: LostJob) => {
  const slot = agent.slots[index]
  if (slot === undefined) return
  const name = formatJob(job)
  slot.lostJobs.set(name, message)
  for (const worker of slot.workers.filter(({ run }) => formatJob(run.job) === name)) {
    worker.run.refusals.set(agent.name, `${agent.name}: ${message}`)
    lose(worker, message, [])
  }
}

/** Reports what had to wait. */
export const flush = (agent: Agent): void => {
  for (const { workers } of agent.slots) {
    for (const worker of workers) {
      const { deferred } = worker
      if (deferred.length === 0) continue
      worker.deferred = []
      send(worker, deferred)
    }
  }
}

/** Removes the agents that were last heard of before this time, and returns them. */
export const removeSilent = (table: AgentTable, beforeMillis: number, message: string): ReadonlyArray<Agent> => {
  const silent = [...table.agents.values()].filter(({ heardAtMillis }) => heardAtMillis < beforeMillis)
  for (const agent of silent) remove(table, agent, message, true)
  return silent
}

/** Extends the time of all agents: while the host did not run, their calls could not be read. */
export const excuse = (table: AgentTable, millis: number): void => {
  for (const agent of table.agents.values()) agent.heardAtMillis += millis
}
