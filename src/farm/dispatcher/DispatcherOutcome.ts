/** The end of packets in a dispatcher: merges, failed attempts, and the loss of workers. */
import type { Attempt } from "../FarmError.ts"
import * as InFlight from "../InFlight.ts"
import type { EndAction, Notice } from "./DispatcherEvent.ts"
import * as DispatcherState from "./DispatcherState.ts"

type PendingPacket = DispatcherState.PendingPacket
type State = DispatcherState.State
type Step = DispatcherState.Step
type WorkerState = DispatcherState.WorkerState

/** The failure of an attempt, without its worker. */
export type Failed = Omit<Attempt, "worker">

export const notify = ({ actions }: Step, notice: Notice) => void actions.push({ _tag: "Notify", notice })

export const removeHolder = ({ holders }: PendingPacket, { index }: WorkerState) => {
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

/** Ends the run. */
export const finish = (step: Step, end: EndAction<unknown>) => {
  step.state.end = end
  for (const worker of step.state.workers.values()) {
    for (const { pending } of worker.leases.entries.values()) revoke(step, worker, pending)
  }
  step.runs.clear()
}

/** Lets a packet that is merged not count against the buffer any more. */
const consume = (state: State, bytes: number) => {
  state.consumedCount++
  state.bufferedBytes -= bytes
}

/** Counts merged packets as consumed. */
export const consumed = ({ options, state }: Step, count: number) => {
  state.consumedCount += count
  if (options.bufferBytes === undefined) return
  for (const bytes of state.mergedBytes.splice(0, count)) state.bufferedBytes -= bytes
}

const merge = ({ actions, options, state }: Step, { bytes, id, packet, units }: PendingPacket, result: unknown) => {
  state.mergedCount++
  if (!options.holdUntilConsumed) consume(state, bytes)
  else if (options.bufferBytes !== undefined) state.mergedBytes.push(bytes)
  actions.push({ _tag: "Merge", id, packet, units, result })
}

const passOver = ({ state }: Step, { bytes }: PendingPacket) => {
  state.mergedCount++
  consume(state, bytes)
}

/** Merges a result or passes over a skipped packet, then those that have waited for it. */
const settleInOrder = (step: Step, pending: PendingPacket, result: unknown, isSkipped: boolean) => {
  const { outOfOrder } = step.state
  outOfOrder.set(pending.id, { pending, result, isSkipped })
  for (;;) {
    const next = outOfOrder.get(step.state.mergedCount)
    if (next === undefined) return
    outOfOrder.delete(next.pending.id)
    if (next.isSkipped) passOver(step, next.pending)
    else merge(step, next.pending, next.result)
  }
}

/** Ends a packet: it is neither retried nor awaited any more. */
const settle = (step: Step, pending: PendingPacket) => {
  const { state } = step
  state.unfinished.delete(pending.id)
  state.retryQueue.delete(pending)
  if (state.delayed.size > 0) state.delayed.delete(pending)
  if (state.doubtful.size > 0) state.doubtful.delete(pending)
  if (pending.holders.length === 0) return
  for (const other of [...pending.holders]) revoke(step, state.workers.get(other)!, pending)
}

/** Accepts the result of a worker: it is merged, at once or when it is its turn. */
export const accept = (
  step: Step,
  worker: WorkerState,
  pending: PendingPacket,
  millis: number,
  result: unknown,
  isVerified = false
) => {
  const { options, state } = step
  settle(step, pending)
  const totals = DispatcherState.totalsOf(state, worker)
  totals.packets++
  totals.units += pending.units
  totals.busyMillis += millis
  // A result on which hosts agree need not be held, unless it is not its turn.
  if (options.verify?.holdsResults === true && (options.ordered || !isVerified)) {
    state.held.set(pending.id, { pending, result, worker: isVerified ? undefined : worker, millis })
  } else if (options.ordered) settleInOrder(step, pending, result, false)
  else merge(step, pending, result)
}

/** Merges the results that were held until the end of the run, in the order of their packets. */
export const mergeHeld = (step: Step) => {
  const { held } = step.state
  if (held.size === 0) return
  const results = [...held.values()].sort((one, two) => one.pending.id - two.pending.id)
  held.clear()
  for (const { pending, result } of results) {
    if (step.options.ordered) settleInOrder(step, pending, result, false)
    else merge(step, pending, result)
  }
}

/** Gives up a packet: the run ends, or continues without it. */
const poison = (step: Step, pending: PendingPacket) => {
  const { options, state } = step
  const { failures, id, packet } = pending
  const attempts = failures?.attempts ?? []
  if (options.skipsPoison !== true) return finish(step, { _tag: "PoisonPacket", id, packet, attempts })
  settle(step, pending)
  state.skippedCount++
  step.actions.push({ _tag: "Skip", id, packet, attempts })
  notify(step, { _tag: "PacketSkipped", id, attempts })
  if (options.ordered) settleInOrder(step, pending, undefined, true)
  else passOver(step, pending)
}

/** Ends a packet whose result is not needed, without an action. */
export const drop = (step: Step, id: number) => {
  const pending = step.state.unfinished.get(id)
  if (pending === undefined) return
  settle(step, pending)
  step.state.droppedCount++
  if (step.options.ordered) settleInOrder(step, pending, undefined, true)
  else passOver(step, pending)
}

/** Queues a packet without a holder, at once or after its delay, unless it has failed too often. */
export const retry = (step: Step, pending: PendingPacket) => {
  const { options, state } = step
  const { failures, holders, id } = pending
  if (holders.length > 0 || !state.unfinished.has(id) || state.end !== undefined) return
  if (state.doubtful.size > 0) state.doubtful.delete(pending)
  if (failures === undefined) return void state.retryQueue.add(pending)
  if (failures.isHopeless || failures.attempts.length >= options.maxAttempts) return poison(step, pending)
  if (failures.retryAt > step.now) state.delayed.add(pending)
  else state.retryQueue.add(pending)
}

const failuresOf = (pending: PendingPacket): DispatcherState.Failures => {
  const { failures } = pending
  if (failures !== undefined) return failures
  const none = { attempts: [], failedOn: [], retryAt: 0, isHopeless: false, outgrownBytes: 0 }
  pending.failures = none
  return none
}

/** Adds a failed attempt to a packet, without a decision about it. */
export const addAttempt = (step: Step, worker: WorkerState, pending: PendingPacket, failed: Failed) => {
  const { error, kind, message } = failed
  const attempt: Attempt = { worker: worker.name, kind, message, ...(error === undefined ? {} : { error }) }
  const failures = failuresOf(pending)
  failures.attempts.push(attempt)
  failures.failedOn.push(worker.index)
  DispatcherState.totalsOf(step.state, worker).failures++
  notify(step, { _tag: "AttemptFailed", id: pending.id, attempt })
  return { attempt, failures }
}

/** Counts a failed attempt against a packet, and queues it for the next one. */
export const failAttempt = (step: Step, worker: WorkerState, pending: PendingPacket, failed: Failed) => {
  const { now, options, state } = step
  if (!state.unfinished.has(pending.id)) return
  const { attempt, failures } = addAttempt(step, worker, pending, failed)
  if (pending.isMoved || failed.kind === "Unsendable") failures.isHopeless = true
  else if (failed.kind === "TooLarge") {
    failures.outgrownBytes = Math.max(failures.outgrownBytes, worker.maxPacketBytes ?? 0)
    failures.isHopeless = !DispatcherState.hasCandidate(pending, state.workers)
  } else if (options.retryDelayMillis !== undefined) {
    const attempts = failures.attempts.length
    const delayMillis = options.retryDelayMillis({ id: pending.id, attempt, attempts })
    failures.isHopeless = delayMillis === undefined
    failures.retryAt = now + (delayMillis ?? 0)
  }
  retry(step, pending)
}

/** Gives up a packet that was too large for a worker, once no other is left that it may fit. */
export const giveUpIfTooLarge = (step: Step, pending: PendingPacket) => {
  const { failures } = pending
  if (failures === undefined || failures.outgrownBytes === 0) return
  if (DispatcherState.hasCandidate(pending, step.state.workers)) return
  failures.isHopeless = true
  step.state.retryQueue.delete(pending)
  retry(step, pending)
}

/** Returns the ids that a worker has begun and not ended. */
const begunIds = (worker: WorkerState) => {
  const ids: Array<number> = []
  let isOldest = true
  for (const [id, lease] of worker.leases.entries) {
    if (DispatcherState.begunAt(worker, id, lease, isOldest) !== undefined) ids.push(id)
    isOldest = false
  }
  return ids
}

/**
 * Takes the packets from a worker. A failed attempt counts against those in `running`, by default against those that it
 * has begun, and never against one that was cancelled. Packets that were moved there are lost with it: those in
 * `running`, by default all.
 */
export const loseWorker = (
  step: Step,
  worker: WorkerState,
  change: "lost" | "gone",
  message: string,
  running?: ReadonlyArray<number>
) => {
  if (worker.state === "gone") return
  const suspects = running ?? begunIds(worker)
  worker.state = change
  worker.lossMessage = message
  worker.workingId = -1
  worker.expired.clear()
  worker.begun.clear()
  if (change === "gone") {
    worker.goneAt = step.now
    step.gone.push(worker.index)
    step.state.liveCount--
    step.state.available.delete(worker)
  }
  notify(step, { _tag: change === "lost" ? "WorkerLost" : "WorkerGone", worker: worker.name, message })
  const lost = InFlight.takeAll(worker.leases).flatMap(([, { pending }]) =>
    pending.holders.includes(worker.index) ? [pending] : []
  )
  for (const pending of lost) removeHolder(pending, worker)
  for (const pending of lost) {
    const isBlamed = suspects.includes(pending.id) || (pending.isMoved && running === undefined)
    if (isBlamed) failAttempt(step, worker, pending, { kind: "Lost", message })
    else retry(step, pending)
  }
  if (change === "gone") DispatcherState.retire(step.state, worker)
}

/** Takes a packet from a worker that still has it: the worker receives no other before it has ended this one. */
const expire = (step: Step, worker: WorkerState, pending: PendingPacket, failed: Failed | undefined) => {
  revoke(step, worker, pending)
  worker.expired.add(pending.id)
  if (failed === undefined) retry(step, pending)
  else failAttempt(step, worker, pending, failed)
}

/** Takes the packets from a worker that is silent. Only those that it has begun count as failed. */
const expireLease = (step: Step, worker: WorkerState) => {
  const { cancelledAt, entries } = worker.leases
  const active = [...entries].filter(([id]) => !cancelledAt.has(id))
  if (active.length === 0) return
  const suspects = begunIds(worker)
  const message = `no sign of life within ${step.options.leaseMillis / 1_000} s`
  worker.expiries++
  notify(step, { _tag: "LeaseExpired", worker: worker.name, packets: active.length })
  if (++worker.idleExpiries === DispatcherState.maxIdleExpiries) {
    return loseWorker(step, worker, "gone", `it began no packet in ${worker.idleExpiries} leases`, suspects)
  }
  for (const [id, { pending }] of active) {
    const isBlamed = pending.isMoved || suspects.includes(id)
    expire(step, worker, pending, isBlamed ? { kind: "Expired", message } : undefined)
  }
}

/** Takes the packets from a worker that it has begun too long ago. */
const expirePackets = (step: Step, worker: WorkerState, timeoutMillis: number) => {
  const { cancelledAt, entries } = worker.leases
  let isOldest = true
  for (const [id, lease] of entries) {
    const since = DispatcherState.begunAt(worker, id, lease, isOldest)
    isOldest = false
    if (since === undefined || step.now - since < timeoutMillis || cancelledAt.has(id)) continue
    if (step.state.end !== undefined) return
    const message = `not done within ${timeoutMillis / 1_000} s`
    expire(step, worker, lease.pending, { kind: "TimedOut", message })
  }
}

/**
 * Returns a packet that was cancelled a lease ago and has not ended, although the worker has begun it, or is silent.
 * One may wait behind a long packet of a worker that is well.
 */
const overdueId = (worker: WorkerState, now: number, leaseMillis: number) => {
  const { heardAt, leases } = worker
  if (!InFlight.isOverdue(leases, now, leaseMillis)) return undefined
  const isSilent = now - heardAt >= leaseMillis
  let isOldest = true
  for (const [id, lease] of leases.entries) {
    const cancelledAt = leases.cancelledAt.get(id) ?? now
    const hasBegun = DispatcherState.begunAt(worker, id, lease, isOldest) !== undefined
    if (now - cancelledAt >= leaseMillis && (hasBegun || isSilent)) return id
    isOldest = false
  }
  return undefined
}

/** Moves the deadlines of a worker, up to now: this time does not count. */
const postpone = ({ now }: Step, worker: WorkerState, millis: number) => {
  const later = (at: number) => Math.min(now, at + millis)
  worker.heardAt = later(worker.heardAt)
  worker.lastOutcomeAt = later(worker.lastOutcomeAt)
  worker.workingAt = later(worker.workingAt)
  for (const [id, at] of worker.begun) worker.begun.set(id, later(at))
  InFlight.postpone(worker.leases, millis, now)
}

/**
 * Looks at the deadlines of a worker. One that does not end a cancelled packet within a lease is gone. The time by
 * which the tick is late does not count.
 */
export const watchWorker = (step: Step, worker: WorkerState, lateMillis: number) => {
  const { leaseMillis, timeoutMillis } = step.options
  if (worker.leases.entries.size === 0) return
  if (lateMillis > 0) postpone(step, worker, lateMillis)
  const id = overdueId(worker, step.now, leaseMillis)
  if (id !== undefined) return loseWorker(step, worker, "gone", `cancelled packet ${id} did not stop`)
  if (step.now - worker.heardAt >= leaseMillis) return expireLease(step, worker)
  if (timeoutMillis !== undefined) expirePackets(step, worker, timeoutMillis)
}
