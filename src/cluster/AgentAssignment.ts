/** The assignment of waiting tasks to the threads of an agent that asks for some. Runs take turns by working time. */
import {
  type Agent,
  type AgentTable,
  type HeldTask,
  maxSlotTasks,
  type RunWorker,
  refuse,
  type Slot
} from "./AgentTable.ts"
import type { ExchangeAnswer, Task } from "./FarmPool.ts"
import * as JsonText from "./JsonText.ts"

/** The work of a thread that is enough while several runs wait for it. */
const sharedMillis = 100

/** The bytes of packets in one answer after which it is sent: no call holds up the others for long. */
const maxAnswerBytes = 4 * 1_024 * 1_024

/** Two tasks at least keep a thread busy while its results travel. */
const minSlotTasks = 2

/**
 * Returns the worker whose run is served next: of those that have used the least time. If several runs share the
 * thread, a run that is ahead of another waits for it, unless the thread would be idle.
 */
const nextWorker = ({ held, heldMillis, workers }: Slot): RunWorker | undefined => {
  let active = 0
  let least: RunWorker | undefined
  let next: RunWorker | undefined
  for (const worker of workers) {
    const isWaiting = worker.waiting.size > 0
    if (!isWaiting && worker.held.size === 0) continue
    active++
    const { virtualMillis } = worker.run
    if (least === undefined || virtualMillis < least.run.virtualMillis) least = worker
    if (isWaiting && (next === undefined || virtualMillis < next.run.virtualMillis)) next = worker
  }
  if (active < 2 || held.size < minSlotTasks) return next
  return heldMillis < sharedMillis && least === next ? next : undefined
}

const fill = (table: AgentTable, agent: Agent, slot: Slot, tasks: Array<Task>, maxBytes: number): number => {
  let bytes = 0
  while (slot.held.size < maxSlotTasks && bytes < maxBytes) {
    const worker = nextWorker(slot)
    if (worker === undefined) break
    const { held, run, waiting } = worker
    const [id, packet] = waiting.entries().next().value!
    waiting.delete(id)
    const written = JsonText.writeWithin(run.packet, "packet", packet)
    bytes += written.bytes
    if (typeof written.text !== "string") {
      refuse(worker, id, written.text)
      continue
    }
    const task: HeldTask = { number: agent.nextNumber++, id, worker, estimateMillis: run.packetMillis }
    agent.held.set(task.number, task)
    slot.held.set(task.number, task)
    slot.heldMillis += task.estimateMillis
    held.set(id, task.number)
    table.virtualMillis = Math.max(table.virtualMillis, run.virtualMillis)
    run.virtualMillis += task.estimateMillis / run.priority
    tasks.push({ number: task.number, slot: slot.index, job: run.job, packet: written.text })
  }
  return bytes
}

/** Takes the tasks and cancels for an agent. */
export const give = (table: AgentTable, agent: Agent): ExchangeAnswer => {
  const tasks: Array<Task> = []
  let bytes = 0
  for (const slot of agent.slots) bytes += fill(table, agent, slot, tasks, maxAnswerBytes - bytes)
  const cancels = agent.cancels.filter((number) => agent.held.has(number))
  agent.cancels = []
  return { session: agent.session, tasks, cancels }
}
