/** The assignment of packets to workers, at the end of each step of a dispatcher. */
import * as InFlight from "../InFlight.ts"
import type { SizedPacket } from "../Job.ts"
import type { EndAction } from "./DispatcherEvent.ts"
import * as DispatcherState from "./DispatcherState.ts"
import * as PacketSizing from "./PacketSizing.ts"

type PendingPacket = DispatcherState.PendingPacket
type State = DispatcherState.State
type Step = DispatcherState.Step
type WorkerState = DispatcherState.WorkerState

/** Adds a packet that is split off. */
export const addPacket = (state: State, { packet, units }: SizedPacket<unknown>): PendingPacket => {
  const pending: PendingPacket = { id: state.nextId++, packet, units, holders: [], attempts: [], failedOn: [] }
  state.unfinished.set(pending.id, pending)
  return pending
}

/** Failed packets that are examined, at most, to find one that a worker may receive. */
const maxRetryCandidates = 8

/** Returns the next packet to retry on a worker. */
const nextRetry = ({ retryQueue, workers }: State, worker: WorkerState) => {
  let examined = 0
  for (const pending of retryQueue) {
    if (DispatcherState.isEligible(pending, worker, workers)) {
      retryQueue.delete(pending)
      return pending
    }
    if (++examined === maxRetryCandidates) break
  }
  return undefined
}

const sizeFor = ({ options, state }: Step, { throughput }: WorkerState): number => {
  const { initialSize, packetSize, targetMillis, totalUnits } = options
  if (packetSize !== undefined) return packetSize
  const workerCount = Math.max(1, state.workers.length)
  const remainingUnits = totalUnits === undefined ? undefined : Math.max(0, totalUnits - state.splitUnits)
  return PacketSizing.nextSize(throughput, { targetMillis, initialSize, workerCount, totalUnits }, remainingUnits)
}

/** Splits off a packet for a worker, unless the buffer is full. */
const splitOff = (step: Step, worker: WorkerState) => {
  const { options, state } = step
  if (state.isExhausted || state.nextId - state.consumedCount >= options.bufferSize) return undefined
  try {
    const packet = options.nextPacket(sizeFor(step, worker))
    if (packet !== undefined) {
      state.splitUnits += packet.units
      return addPacket(state, packet)
    }
  } catch (cause) {
    state.splitFailure = { _tag: "SplitFailed", id: state.nextId, cause }
  }
  state.isExhausted = true
  return undefined
}

const assignTo = (step: Step, worker: WorkerState, maxPackets: number) => {
  const { now, options, runs, state } = step
  const { available, workers } = state
  if (DispatcherState.isBackedOff(worker, workers, now, options.leaseMillis)) return
  const tasks = runs.get(worker.index) ?? []
  const isAcceptingMore = () => DispatcherState.isUsable(worker) && DispatcherState.hasCapacity(worker)
  for (let count = 0; count < maxPackets && isAcceptingMore(); count++) {
    const pending =
      nextRetry(state, worker) ??
      splitOff(step, worker) ??
      (DispatcherState.isIdle(worker)
        ? DispatcherState.straggler(worker, workers, now, options.targetMillis / 4)
        : undefined)
    if (pending === undefined) break
    pending.holders.push(worker.index)
    InFlight.add(worker.leases, pending.id, { pending, sentAt: now })
    tasks.push(pending)
  }
  if (!isAcceptingMore()) available.delete(worker)
  if (tasks.length > 0) runs.set(worker.index, tasks)
}

/**
 * Assigns packets: one to each idle worker first, so that the last packets of a run are spread. Returns the end of the
 * run, if it has come.
 */
export const assign = (step: Step): EndAction<unknown> | undefined => {
  const { state } = step
  const { available, outOfOrder, unfinished, workers } = state
  for (const worker of available) if (DispatcherState.isIdle(worker)) assignTo(step, worker, 1)
  for (const worker of available) assignTo(step, worker, Number.POSITIVE_INFINITY)
  if (state.splitFailure !== undefined) return state.splitFailure
  if (state.isExhausted && unfinished.size === 0 && outOfOrder.size === 0) return { _tag: "Finished" }
  if (workers.some((worker) => worker.state !== "gone")) return undefined
  return { _tag: "NoWorkers", causes: workers.map(({ lossMessage, name }) => `${name}: ${lossMessage}`) }
}
