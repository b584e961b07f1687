/**
 * The assignment of packets to workers as a state machine without a clock. `step` receives events and the time, and
 * returns actions. It changes only its state and the source `nextPacket`.
 *
 * No packet is merged twice, and each once if the run finishes: the first result counts. The dispatcher then forgets
 * the id, so that memory grows with the unfinished packets only. The driver sends `Tick` every 50 ms. The run ends with
 * `NoWorkers` once all workers are gone.
 *
 * The state is one record, which a step changes in place. With 2,048 packets in flight and 16 results in a step,
 * 900,000 packets a second pass; if each step copied the maps of the state, 30,000 (a core of an AMD EPYC, Node 24).
 */

import type { Attempt } from "../FarmError.ts"
import * as InFlight from "../InFlight.ts"
import type { SizedPacket } from "../Job.ts"
import * as DispatcherAssignment from "./DispatcherAssignment.ts"
import type { Action, EndAction, Event, Notice, Options } from "./DispatcherEvent.ts"
import * as DispatcherState from "./DispatcherState.ts"
import * as PacketSizing from "./PacketSizing.ts"

/** The state of a run. @category models @since 0.1.0 */
export type State<Packet, Result> = DispatcherState.State<Packet, Result>

type PendingPacket = DispatcherState.PendingPacket
type Step = DispatcherState.Step
type WorkerState = DispatcherState.WorkerState

const notify = ({ actions }: Step, notice: Notice) => actions.push({ _tag: "Notify", notice })

const removeHolder = ({ holders }: PendingPacket, { index }: WorkerState) => {
  const at = holders.indexOf(index)
  if (at >= 0) holders.splice(at, 1)
}

/** Ends the wait for the result of an active lease, and cancels it at the worker. */
const revoke = ({ cancels, now }: Step, worker: WorkerState, pending: PendingPacket) => {
  if (!InFlight.cancel(worker.leases, pending.id, now)) return
  removeHolder(pending, worker)
  const ids = cancels.get(worker.index)
  if (ids === undefined) cancels.set(worker.index, [pending.id])
  else ids.push(pending.id)
}

const finish = (step: Step, end: EndAction<unknown>) => {
  step.state.end = end
  for (const worker of step.state.workers) {
    for (const { pending } of worker.leases.entries.values()) revoke(step, worker, pending)
  }
  step.runs.clear()
}

/** Removes a lease that the worker has ended. */
const endLease = ({ now, state }: Step, worker: WorkerState, id: number) => {
  const lease = InFlight.take(worker.leases, id)
  if (lease === undefined) return undefined
  if (worker.expired.size > 0) worker.expired.delete(id)
  worker.lastOutcomeAt = now
  removeHolder(lease.pending, worker)
  state.available.add(worker)
  return lease
}

/** Queues a packet without a holder, unless it has failed too often. */
const retry = (step: Step, pending: PendingPacket) => {
  const { options, state } = step
  const { attempts, holders, id, packet } = pending
  if (holders.length > 0 || !state.unfinished.has(id) || state.end !== undefined) return
  if (attempts.length < options.maxAttempts) state.retryQueue.add(pending)
  else finish(step, { _tag: "PoisonPacket", id, packet, attempts })
}

const failAttempt = (
  step: Step,
  worker: WorkerState,
  pending: PendingPacket,
  { error, kind, message }: Omit<Attempt, "worker">
) => {
  if (!step.state.unfinished.has(pending.id)) return
  const attempt: Attempt = { worker: worker.name, kind, message, ...(error && { error }) }
  pending.attempts.push(attempt)
  pending.failedOn.push(worker.index)
  notify(step, { _tag: "AttemptFailed", id: pending.id, attempt })
  retry(step, pending)
}

const merge = ({ actions, options, state }: Step, { id, packet }: PendingPacket, result: unknown) => {
  state.mergedCount++
  if (!options.holdUntilConsumed) state.consumedCount++
  actions.push({ _tag: "Merge", id, packet, result })
}

/** Merges a result, and those that have waited for it. */
const mergeInOrder = (step: Step, pending: PendingPacket, result: unknown) => {
  const { outOfOrder } = step.state
  outOfOrder.set(pending.id, { pending, result })
  for (;;) {
    const next = outOfOrder.get(step.state.mergedCount)
    if (next === undefined) return
    outOfOrder.delete(next.pending.id)
    merge(step, next.pending, next.result)
  }
}

const onDone = (
  step: Step,
  { id, millis: reportedMillis, result, worker: index }: Extract<Event<unknown>, { readonly _tag: "Done" }>
) => {
  const { now, options, state } = step
  const worker = state.workers[index]!
  const lease = endLease(step, worker, id)
  if (lease === undefined) return
  const { pending, sentAt } = lease
  const millis = Math.max(0, Math.min(reportedMillis || 0, now - sentAt))
  PacketSizing.record(worker.throughput, pending.units, millis, options.targetMillis)
  worker.consecutiveFailures = 0
  if (!state.unfinished.delete(id)) return
  state.retryQueue.delete(pending)
  if (pending.holders.length > 0) {
    for (const other of [...pending.holders]) revoke(step, state.workers[other]!, pending)
  }
  worker.packets++
  worker.units += pending.units
  worker.busyMillis += millis
  if (options.ordered) mergeInOrder(step, pending, result)
  else merge(step, pending, result)
}

const onFailed = (step: Step, worker: WorkerState, id: number, attempt: Omit<Attempt, "worker">) => {
  const isActive = !worker.leases.cancelledAt.has(id)
  const lease = endLease(step, worker, id)
  if (lease === undefined || !isActive) return
  worker.consecutiveFailures++
  failAttempt(step, worker, lease.pending, attempt)
}

/**
 * Takes the packets from a worker. A failed attempt counts against those in `running`, by default against the lease
 * held longest, which the worker was busy with: against none if that packet was cancelled.
 */
const loseWorker = (
  step: Step,
  worker: WorkerState,
  state: "lost" | "gone",
  message: string,
  running?: ReadonlyArray<number>
) => {
  if (worker.state === "gone") return
  worker.state = state
  worker.lossMessage = message
  worker.expired.clear()
  notify(step, { _tag: state === "lost" ? "WorkerLost" : "WorkerGone", worker: worker.name, message })
  const suspects = running ?? [...worker.leases.entries.keys()].slice(0, 1)
  const lost = InFlight.takeAll(worker.leases).flatMap(([, { pending }]) =>
    pending.holders.includes(worker.index) ? [pending] : []
  )
  for (const pending of lost) removeHolder(pending, worker)
  for (const pending of lost) {
    if (suspects.includes(pending.id)) failAttempt(step, worker, pending, { kind: "Lost", message })
    else retry(step, pending)
  }
}

/**
 * Expires the overdue leases of a worker. A worker handles its packets in order: only the oldest counts as failed,
 * those that wait behind it go to other workers without a failed attempt. A worker whose cancelled packet has not ended
 * one lease after its cancel is gone.
 */
const expireLeases = (step: Step, worker: WorkerState) => {
  const { leaseMillis } = step.options
  const { cancelledAt, entries } = worker.leases
  let isOldest = true
  for (const [id, { pending, sentAt }] of entries) {
    if (sentAt + leaseMillis > step.now) return
    const revokedAt = cancelledAt.get(id)
    if (revokedAt !== undefined) {
      isOldest = false
      if (revokedAt + leaseMillis > step.now) continue
      return loseWorker(step, worker, "gone", `cancelled packet ${id} did not stop`)
    }
    revoke(step, worker, pending)
    worker.expired.add(id)
    const message = `no result within ${leaseMillis / 1_000} s`
    if (isOldest) failAttempt(step, worker, pending, { kind: "Expired", message })
    else retry(step, pending)
    isOldest = false
  }
}

const receive = (step: Step, event: Event<unknown>) => {
  const { state } = step
  switch (event._tag) {
    case "Done":
      return onDone(step, event)
    case "Failed":
      return onFailed(step, state.workers[event.worker]!, event.id, event)
    case "Stopped": {
      const attempt = { kind: "Lost", message: "stopped without a cancel" } as const
      return onFailed(step, state.workers[event.worker]!, event.id, attempt)
    }
    case "Working":
      return
    case "Lost":
    case "Gone": {
      const change = event._tag === "Lost" ? "lost" : "gone"
      return loseWorker(step, state.workers[event.worker]!, change, event.message, event.running)
    }
    case "Ready": {
      const worker = state.workers[event.worker]!
      if (worker.state === "lost") {
        worker.state = "ready"
        notify(step, { _tag: "WorkerReady", worker: worker.name })
      }
      return void state.available.add(worker)
    }
    case "Consumed":
      state.consumedCount += event.count
      return
    case "Tick":
      return state.workers.forEach((worker) => void expireLeases(step, worker))
    case "Cancel":
      return finish(step, { _tag: "Finished" })
  }
}

/**
 * Makes the state of a run whose workers are all ready.
 *
 * **Example** (Assigning two packets to one worker)
 *
 * ```ts
 * import { Dispatcher } from "effect-inet/farm"
 *
 * let split = 0
 * const options = {
 *   workers: [{ name: "one", capacity: 4, latencyMillis: 5 }],
 *   nextPacket: () => (split === 2 ? undefined : { packet: split++, units: 1 }),
 *   ...{ totalUnits: 2, leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false },
 *   ...{ bufferSize: 10, targetMillis: 50, initialSize: 1 }
 * }
 * const done = (id: number) => ({ _tag: "Done" as const, worker: 0, id, result: id, millis: 1 })
 * const tags = (actions: ReadonlyArray<{ readonly _tag: string }>) => actions.map(({ _tag }) => _tag)
 *
 * const initial = Dispatcher.make<number, number>(options)
 * const [started, runs] = Dispatcher.step(options, initial, [], 0)
 * tags(runs) // => ["Run"]
 * const [, merges] = Dispatcher.step(options, started, [done(0), done(1)], 10)
 * tags(merges) // => ["Merge", "Merge", "Finished"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Packet, Result>({ restored, workers: infos }: Options<Packet>): State<Packet, Result> => {
  const workers = infos.map((info, index) => DispatcherState.makeWorkerState<Packet>(info, index))
  const state: State<Packet, Result> = {
    workers,
    available: new Set(workers),
    unfinished: new Map(),
    retryQueue: new Set(),
    outOfOrder: new Map(),
    nextId: 0,
    mergedCount: 0,
    consumedCount: 0,
    splitUnits: 0,
    isExhausted: false,
    splitFailure: undefined,
    end: undefined
  }
  for (const packet of restored ?? []) DispatcherAssignment.addPacket(state, packet)
  for (const pending of state.unfinished.values()) state.retryQueue.add(pending)
  return state
}

/**
 * Applies events at the time `now`, in milliseconds, and returns the next state and the actions to perform, in order.
 * `now` must not decrease. The first call, whose events may be empty, assigns the first packets.
 *
 * The record is changed in place, and is the next state.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = <Packet, Result>(
  options: Options<Packet>,
  state: State<Packet, Result>,
  events: ReadonlyArray<Event<Result>>,
  now: number
): readonly [state: State<Packet, Result>, actions: ReadonlyArray<Action<Packet, Result>>] => {
  if (state.end !== undefined) return [state, []]
  const actions: Array<Action<Packet, Result>> = []
  const cancels = new Map<number, Array<number>>()
  const runs = new Map<number, Array<DispatcherState.PendingPacket<Packet>>>()
  const current: Step = { options, state, now, actions, cancels, runs }
  for (const event of events) if (!hasEnded(state)) receive(current, event)
  const end = hasEnded(state) ? undefined : DispatcherAssignment.assign(current)
  if (end !== undefined) finish(current, end)
  for (const [worker, ids] of cancels) actions.push({ _tag: "Cancel", worker, ids })
  for (const [worker, tasks] of runs) actions.push({ _tag: "Run", worker, tasks })
  if (state.end !== undefined) actions.push(state.end)
  return [state, actions]
}

const hasEnded = ({ end }: DispatcherState.State) => end !== undefined

/** Returns true while a result for this id is still needed. @category getters @since 0.1.0 */
export const isPending = ({ unfinished }: DispatcherState.State, id: number): boolean => unfinished.has(id)

/** Returns the packets that are split off and not merged, in the order of their ids. @category getters @since 0.1.0 */
export const unmerged = <Packet>({
  outOfOrder,
  unfinished
}: State<Packet, unknown>): ReadonlyArray<SizedPacket<Packet>> =>
  [...unfinished.values(), ...Array.from(outOfOrder.values(), ({ pending }) => pending)].sort(
    (one, two) => one.id - two.id
  )
