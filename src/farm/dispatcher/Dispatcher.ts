/**
 * The assignment of packets to workers as a state machine without a clock. `step` receives events and the time, and
 * returns actions. It changes only its state and the source `nextPacket`.
 *
 * No packet is merged twice, and each once if the run finishes: the first result counts. The dispatcher then forgets
 * the id, and of the workers that are gone all but the newest hundred: memory grows with the unfinished packets and the
 * workers at hand only. The driver sends `Tick` every 50 ms. The run ends with
 * `NoWorkers` once all workers are gone and none can join.
 *
 * A worker is silent after a lease without any report: its packets go to others. Any report renews the lease. A failed
 * attempt counts against packets that the worker has begun, never against one that waited there.
 *
 * The state is one record, which a step changes in place. With 2,048 packets in flight and 16 results in a step,
 * 900,000 packets a second pass; if each step copied the maps of the state, 30,000 (a core of an AMD EPYC, Node 24).
 */

import * as InFlight from "../InFlight.ts"
import type { SizedPacket } from "../Job.ts"
import * as DispatcherAssignment from "./DispatcherAssignment.ts"
import type { Action, Event, Options, WorkerInfo } from "./DispatcherEvent.ts"
import * as DispatcherOutcome from "./DispatcherOutcome.ts"
import * as DispatcherSlow from "./DispatcherSlow.ts"
import * as DispatcherState from "./DispatcherState.ts"
import * as DispatcherVerify from "./DispatcherVerify.ts"
import * as GoneWorkers from "./GoneWorkers.ts"
import * as PacketSizing from "./PacketSizing.ts"

/** The state of a run. @category models @since 0.1.0 */
export type State<Packet, Result> = DispatcherState.State<Packet, Result>

type Step = DispatcherState.Step
type WorkerState = DispatcherState.WorkerState

/** Removes a lease that the worker has ended. One that `hasWaited` says nothing about the packets before it. */
const endLease = ({ now, state }: Step, worker: WorkerState, id: number, hasWaited = false) => {
  const lease = InFlight.take(worker.leases, id)
  if (lease === undefined) return undefined
  if (worker.expired.size > 0) worker.expired.delete(id)
  if (worker.begun.size > 0) worker.begun.delete(id)
  if (worker.workingId === id) worker.workingId = -1
  if (!hasWaited) {
    worker.idleExpiries = 0
    worker.lastOutcomeAt = now
    worker.lastOutcomeStep = state.stepCount
    state.lastOutcomeAt = now
    state.noticedMillis = 0
  }
  DispatcherOutcome.removeHolder(lease.pending, worker)
  state.available.add(worker)
  return lease
}

const onDone = (
  step: Step,
  worker: WorkerState,
  { id, millis: reportedMillis, result }: Extract<Event<unknown>, { readonly _tag: "Done" }>
) => {
  const { now, options, state } = step
  const lease = endLease(step, worker, id)
  if (lease === undefined) return
  const { pending, sentAt } = lease
  const millis = Math.max(0, Math.min(reportedMillis || 0, now - sentAt))
  PacketSizing.record(worker.throughput, pending.units, millis, options.targetMillis)
  worker.consecutiveFailures = 0
  if (!state.unfinished.has(id)) return
  if (pending.votes !== undefined) return DispatcherVerify.vote(step, worker, pending, { millis, result })
  DispatcherOutcome.accept(step, worker, pending, millis, result)
}

const onFailed = (step: Step, worker: WorkerState, id: number, failed: DispatcherOutcome.Failed) => {
  const isActive = !worker.leases.cancelledAt.has(id)
  const lease = endLease(step, worker, id)
  if (lease === undefined || !isActive) return
  if (++worker.consecutiveFailures === DispatcherState.maxConsecutiveFailures) {
    const failures = worker.consecutiveFailures
    DispatcherOutcome.notify(step, { _tag: "WorkerBackedOff", worker: worker.name, failures })
  }
  DispatcherOutcome.failAttempt(step, worker, lease.pending, failed)
}

/** Ends a cancelled packet. A worker that stops one without a cancel has failed at it. */
const onStopped = (step: Step, worker: WorkerState, id: number) => {
  const { cancelledAt, entries } = worker.leases
  if (!cancelledAt.has(id)) return onFailed(step, worker, id, { kind: "Lost", message: "stopped without a cancel" })
  const isOldest = entries.keys().next().value === id
  const hasBegun = DispatcherState.begunAt(worker, id, entries.get(id)!, isOldest) !== undefined
  endLease(step, worker, id, !hasBegun)
}

const onWorking = ({ now }: Step, worker: WorkerState, id: number) => {
  const lease = worker.leases.entries.get(id)
  if (lease === undefined || worker.workingId === id || worker.begun.has(id)) return
  worker.idleExpiries = 0
  if (worker.reportsEachBegin === true) return void worker.begun.set(id, now)
  // The packet may have begun at the last outcome, before the worker said so.
  worker.workingAt = DispatcherState.begunAt(worker, id, lease, true) ?? now
  worker.workingId = id
}

const onReady = (step: Step, worker: WorkerState) => {
  if (worker.state === "lost") {
    worker.state = "ready"
    DispatcherOutcome.notify(step, { _tag: "WorkerReady", worker: worker.name })
  }
  step.state.available.add(worker)
}

const join = (step: Step, info: WorkerInfo) => {
  const { state } = step
  const worker = DispatcherState.makeWorkerState(info, state.nextWorker++, step.now)
  state.workers.set(worker.index, worker)
  state.liveCount++
  DispatcherOutcome.notify(step, { _tag: "WorkerJoined", worker: info.name })
  if (state.rejectedHosts.has(info.host)) {
    DispatcherOutcome.loseWorker(step, worker, "gone", "results of its host were not those of other hosts", [])
  } else state.available.add(worker)
}

const tick = (step: Step, lateMillis = 0) => {
  const { state } = step
  for (const worker of state.workers.values()) DispatcherOutcome.watchWorker(step, worker, lateMillis)
  DispatcherSlow.noticeSlowPackets(step)
  DispatcherAssignment.doubtLatePackets(step)
  for (const pending of state.delayed) {
    if (pending.failures!.retryAt > step.now) continue
    state.delayed.delete(pending)
    state.retryQueue.add(pending)
  }
  for (const pending of [...state.retryQueue]) {
    DispatcherVerify.decideIfLast(step, pending)
    DispatcherOutcome.giveUpIfTooLarge(step, pending)
  }
}

/** Applies the report of a worker, which shows that it is well. */
const receive = (step: Step, event: Extract<Event<unknown>, { readonly worker: number }>) => {
  const worker = step.state.workers.get(event.worker)
  if (worker === undefined || worker.state === "gone") return
  // One that works on what it should not have is not well.
  if (event._tag !== "Working" || worker.leases.entries.has(event.id)) worker.heardAt = step.now
  switch (event._tag) {
    case "Done":
      return onDone(step, worker, event)
    case "Failed":
      return onFailed(step, worker, event.id, event)
    case "Stopped":
      return onStopped(step, worker, event.id)
    case "Working":
      return onWorking(step, worker, event.id)
    case "Alive":
      return
    case "Lost":
      return DispatcherOutcome.loseWorker(step, worker, "lost", event.message, event.running)
    case "Gone":
      return DispatcherOutcome.loseWorker(step, worker, "gone", event.message, event.running)
    case "Ready":
      return onReady(step, worker)
  }
}

const apply = (step: Step, event: Event<unknown>) => {
  if ("worker" in event) return receive(step, event)
  switch (event._tag) {
    case "Join":
      return join(step, event.info)
    case "JoiningEnded":
      step.state.mayJoin = false
      return
    case "Consumed":
      return DispatcherOutcome.consumed(step, event.count)
    case "Tick":
      return tick(step, event.lateMillis)
    case "Cancel":
      return DispatcherOutcome.finish(step, { _tag: "Finished" })
    case "Drop":
      return DispatcherOutcome.drop(step, event.id)
    case "Refilled":
      return
  }
}

/**
 * Makes the state of a run whose workers at the start are all ready.
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
export const make = <Packet, Result>(options: Options<Packet>): State<Packet, Result> => {
  const workers = options.workers.map((info, index) => DispatcherState.makeWorkerState<Packet>(info, index))
  const state: State<Packet, Result> = {
    ...{ workers: new Map(workers.entries()), goneWorkers: [], forgotten: GoneWorkers.nothingForgotten() },
    ...{ available: new Set(workers), unfinished: new Map(), retryQueue: new Set(), delayed: new Set() },
    ...{ doubtful: new Set(), outOfOrder: new Map(), held: new Map(), rejectedHosts: new Set(), mergedBytes: [] },
    mayJoin: options.mayJoin ?? false,
    nextWorker: workers.length,
    liveCount: workers.length,
    ...{
      startedAt: 0,
      stepCount: 0,
      lastOutcomeAt: Number.NEGATIVE_INFINITY,
      noticedMillis: 0,
      slowSearchedAt: Number.NEGATIVE_INFINITY,
      searchedAt: Number.NEGATIVE_INFINITY,
      nextId: 0,
      mergedCount: 0,
      consumedCount: 0,
      skippedCount: 0,
      droppedCount: 0,
      retryCount: 0
    },
    ...{
      bufferedBytes: 0,
      splitUnits: 0,
      isExhausted: false,
      isSourceDry: false,
      splitFailure: undefined,
      end: undefined
    }
  }
  for (const packet of options.restored ?? []) DispatcherAssignment.addPacket(options, state, packet)
  for (const pending of state.unfinished.values()) state.retryQueue.add(pending)
  return state
}

/**
 * Applies events at the time `now`, in milliseconds, and returns the next state and the actions to perform, in order.
 * `now` must not decrease. The first call, whose events may be empty, assigns the first packets. Reports of workers
 * that are gone are ignored.
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
  const current: Step = { options, state, now, actions, cancels, runs, gone: [], isDry: false, stragglers: undefined }
  if (state.stepCount++ === 0) state.startedAt = now
  for (const event of events) if (!hasEnded(state)) apply(current, event)
  const end = hasEnded(state) ? undefined : DispatcherAssignment.assign(current)
  if (end !== undefined) DispatcherOutcome.finish(current, end)
  for (const [worker, ids] of cancels) actions.push({ _tag: "Cancel", worker, ids })
  for (const [worker, tasks] of runs) actions.push({ _tag: "Run", worker, tasks })
  for (const worker of current.gone) actions.push({ _tag: "Detach", worker })
  if (state.end !== undefined) actions.push(state.end)
  return [state, actions]
}

const hasEnded = ({ end }: DispatcherState.State) => end !== undefined

/** Returns true while a result for this id is still needed. @category getters @since 0.1.0 */
export const isPending = ({ unfinished }: DispatcherState.State, id: number): boolean => unfinished.has(id)

/** Returns the packets that are split off and not merged, in the order of their ids. @category getters @since 0.1.0 */
export const unmerged = <Packet>({
  held,
  outOfOrder,
  unfinished
}: State<Packet, unknown>): ReadonlyArray<SizedPacket<Packet>> =>
  [
    ...unfinished.values(),
    ...Array.from(outOfOrder.values()).flatMap(({ isSkipped, pending }) => (isSkipped ? [] : [pending])),
    ...Array.from(held.values(), ({ pending }) => pending)
  ].sort((one, two) => one.id - two.id)
