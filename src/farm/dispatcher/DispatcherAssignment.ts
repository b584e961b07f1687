/** The assignment of packets to workers, at the end of each step of a dispatcher. */
import * as InFlight from "../InFlight.ts"
import type { EndAction, Options, SplitPacket } from "./DispatcherEvent.ts"
import * as DispatcherOutcome from "./DispatcherOutcome.ts"
import * as DispatcherState from "./DispatcherState.ts"
import * as PacketSizing from "./PacketSizing.ts"

type PendingPacket = DispatcherState.PendingPacket
type State = DispatcherState.State
type Step = DispatcherState.Step
type WorkerState = DispatcherState.WorkerState

/** Adds a packet that is split off. */
export const addPacket = (
  { verify }: Options<unknown>,
  state: State,
  { bytes = 0, isMoved = false, packet, units }: SplitPacket<unknown>,
  host?: string
): PendingPacket => {
  const id = state.nextId++
  const votes = verify?.isChosen(id, host) === true ? [] : undefined
  const pending: PendingPacket = { id, packet, units, bytes, isMoved, holders: [], failures: undefined, votes }
  state.unfinished.set(id, pending)
  state.bufferedBytes += bytes
  return pending
}

/** Failed packets that are examined, at most, to find one that a worker may receive. */
const maxRetryCandidates = 8

/** Moves the first packets of a queue behind the others. */
const rotate = (queue: Set<PendingPacket>, count: number) => {
  if (queue.size <= count) return
  let left = count
  for (const pending of queue) {
    if (left-- === 0) return
    queue.delete(pending)
    queue.add(pending)
  }
}

/** Returns the next packet to retry on a worker. If the first ones are for other workers, they go behind the rest. */
const nextRetry = (step: Step, worker: WorkerState) => {
  const { retryQueue, workers } = step.state
  let examined = 0
  for (const pending of retryQueue) {
    if (DispatcherState.isEligible(pending, worker, workers)) {
      retryQueue.delete(pending)
      const attempts = pending.failures?.attempts.length ?? 0
      if (attempts > 0) {
        step.state.retryCount++
        DispatcherOutcome.notify(step, { _tag: "PacketRetried", id: pending.id, worker: worker.name, attempts })
      }
      return pending
    }
    if (++examined === maxRetryCandidates) break
  }
  // Those behind them would otherwise wait for a worker that may never come.
  if (examined === maxRetryCandidates) rotate(retryQueue, examined)
  return undefined
}

const sizeFor = ({ options, state }: Step, { throughput }: WorkerState): number => {
  const { initialSize, packetSize, targetMillis, totalUnits } = options
  if (packetSize !== undefined) return packetSize
  const workerCount = Math.max(1, state.liveCount)
  const remainingUnits = totalUnits === undefined ? undefined : Math.max(0, totalUnits - state.splitUnits)
  return PacketSizing.nextSize(throughput, { targetMillis, initialSize, workerCount, totalUnits }, remainingUnits)
}

/** Returns true if no more packets may be split off before some are consumed. */
const isBufferFull = ({ options, state }: Step) => {
  const { bufferBytes, bufferSize, isBufferPerWorker } = options
  const maxPackets = isBufferPerWorker === true ? bufferSize * Math.max(1, state.liveCount) : bufferSize
  // Results that are held until the end of the run do not count: no packet of it could be consumed before.
  if (state.nextId - state.consumedCount - state.held.size >= maxPackets) return true
  return bufferBytes !== undefined && state.bufferedBytes >= bufferBytes
}

/** Splits off a packet for a worker, unless the buffer is full. */
const splitOff = (step: Step, worker: WorkerState) => {
  const { options, state } = step
  if (state.isExhausted || step.isDry) return undefined
  if (isBufferFull(step)) {
    step.isDry = true
    return undefined
  }
  try {
    const packet = options.nextPacket(sizeFor(step, worker))
    if (packet === "later") {
      step.isDry = true
      return undefined
    }
    if (packet !== undefined) {
      state.splitUnits += packet.units
      return addPacket(options, state, packet, worker.host)
    }
  } catch (cause) {
    state.splitFailure = { _tag: "SplitFailed", id: state.nextId, cause }
  }
  state.isExhausted = true
  return undefined
}

/** The workers up to which there is a search for stragglers in every step with an idle one. */
const fewWorkers = 256

/** The workers that searches for stragglers look at in a millisecond, if there are more: some percent of a core. */
const searchedWorkersPerMilli = 250

/** Returns true if there were enough searches for stragglers for now: each looks at all leases. */
const hasSearched = ({ now, state, stragglers }: Step) => {
  const { searchedAt, workers } = state
  if (stragglers !== undefined) return false
  return workers.size > fewWorkers && now - searchedAt < workers.size / searchedWorkersPerMilli
}

/** Stragglers that are examined, at most, to find one for an idle worker. */
const maxStragglerCandidates = 64

/** Finds a packet of another worker that an idle worker should try as well. */
const copyStraggler = (step: Step, worker: WorkerState) => {
  if (!DispatcherState.isIdle(worker) || hasSearched(step)) return undefined
  const { now, options, state } = step
  if (step.stragglers === undefined) {
    state.searchedAt = now
    step.stragglers = DispatcherState.stragglers(state.workers, now, options.targetMillis / 4)
  }
  const { stragglers } = step
  // Another idle worker has got a copy of it since the search.
  const isCopied = ({ holder, pending }: DispatcherState.Straggler) =>
    !DispatcherState.isCopyable(pending, holder, state.workers)
  while (stragglers.length > 0 && isCopied(stragglers.at(-1)!)) stragglers.pop()
  for (const straggler of stragglers.slice(-maxStragglerCandidates).reverse()) {
    if (!isCopied(straggler) && DispatcherState.isHelpful(worker, straggler, state.workers)) return straggler.pending
  }
  return undefined
}

/** Notes the late packets of workers without a result, if workers with one would have nothing else to do. */
export const doubtLatePackets = ({ now, options, state }: Step) => {
  const { doubtful, isExhausted, isSourceDry, workers } = state
  if (!isExhausted && !isSourceDry) return
  if (!DispatcherState.hasReliable(workers)) return
  for (const worker of workers.values()) {
    if (worker.leases.entries.size === 0 || DispatcherState.isProven(worker)) continue
    for (const { pending, sentAt } of worker.leases.entries.values()) {
      if (now - sentAt < 2 * options.targetMillis) break
      if (state.unfinished.has(pending.id) && DispatcherState.isDoubtful(pending, workers)) doubtful.add(pending)
    }
  }
}

/** Takes a doubtful packet that a worker with a result should try as well. It need not be idle for that. */
const nextDoubtful = ({ now, state }: Step, worker: WorkerState) => {
  const { doubtful, workers } = state
  if (doubtful.size === 0 || !DispatcherState.isProven(worker)) return undefined
  let examined = 0
  for (const pending of doubtful) {
    if (!DispatcherState.isDoubtful(pending, workers)) {
      doubtful.delete(pending)
      continue
    }
    const holder = workers.get(pending.holders[0]!)!
    const remaining = now - holder.leases.entries.get(pending.id)!.sentAt
    if (DispatcherState.isHelpful(worker, { pending, holder, remaining }, workers)) {
      doubtful.delete(pending)
      return pending
    }
    if (++examined === maxStragglerCandidates) break
  }
  return undefined
}

const assignTo = (step: Step, worker: WorkerState, maxPackets: number) => {
  const { now, options, runs, state } = step
  const { available, stepCount, workers } = state
  if (DispatcherState.isBackedOff(worker, workers, now, options.leaseMillis)) return
  const tasks = runs.get(worker.index) ?? []
  const isAcceptingMore = () => DispatcherState.isUsable(worker) && DispatcherState.hasCapacity(worker)
  if (DispatcherState.isIdle(worker)) worker.heardAt = now
  for (let count = 0; count < maxPackets && isAcceptingMore(); count++) {
    const pending =
      nextRetry(step, worker) ?? splitOff(step, worker) ?? nextDoubtful(step, worker) ?? copyStraggler(step, worker)
    if (pending === undefined) break
    pending.holders.push(worker.index)
    if (pending.bytes > 0) worker.throughput.packetBytes = pending.bytes
    InFlight.add(worker.leases, pending.id, { pending, sentAt: now, sentStep: stepCount, noticedMillis: 0 })
    tasks.push(pending)
  }
  if (!isAcceptingMore()) available.delete(worker)
  if (tasks.length > 0) runs.set(worker.index, tasks)
}

/** Returns true if no packet is left in this step but the stragglers of other workers, for idle ones. */
const isSpent = ({ isDry, state }: Step) =>
  (isDry || state.isExhausted) && state.retryQueue.size === 0 && state.doubtful.size === 0

/** Gives one packet to each idle worker. */
const assignToIdle = (step: Step) => {
  const { available, unfinished } = step.state
  for (const worker of available) {
    if (isSpent(step) && (unfinished.size === 0 || hasSearched(step))) return
    if (DispatcherState.isIdle(worker)) assignTo(step, worker, 1)
  }
  // No idle worker was found: the next step need not look at all again.
  if (isSpent(step)) step.state.searchedAt = step.now
}

/**
 * Assigns packets: one to each idle worker first, so that the last packets of a run are spread. Returns the end of the
 * run, if it has come.
 */
export const assign = (step: Step): EndAction<unknown> | undefined => {
  const { state } = step
  const { available, outOfOrder, unfinished, workers } = state
  assignToIdle(step)
  for (const worker of available) {
    if (isSpent(step)) break
    assignTo(step, worker, Number.POSITIVE_INFINITY)
  }
  state.isSourceDry = step.isDry
  if (state.splitFailure !== undefined) return state.splitFailure
  if (state.isExhausted && unfinished.size === 0) {
    DispatcherOutcome.mergeHeld(step)
    if (outOfOrder.size === 0) return { _tag: "Finished" }
  }
  if (state.mayJoin || state.liveCount > 0) return undefined
  const causes = Array.from(workers.values(), ({ lossMessage, name }) => `${name}: ${lossMessage}`)
  return { _tag: "NoWorkers", causes }
}
