/**
 * The verification of results: two hosts work on a packet, and if their results differ, further hosts decide. The first
 * result of two hosts is accepted, and a host that had another is rejected.
 */
import * as InFlight from "../InFlight.ts"
import * as DispatcherOutcome from "./DispatcherOutcome.ts"
import * as DispatcherState from "./DispatcherState.ts"

type PendingPacket = DispatcherState.PendingPacket
type Step = DispatcherState.Step
type WorkerState = DispatcherState.WorkerState

/** The name of a host in notices. */
const hostName = (host: string | undefined) => host ?? "this host"

/** Queues the held results of a host, to be done again; returns their number. */
const redo = (step: Step, host: string | undefined) => {
  const { held, retryQueue, unfinished } = step.state
  let count = 0
  for (const [id, { millis, pending, worker }] of held) {
    if (worker === undefined || worker.host !== host) continue
    held.delete(id)
    const totals = DispatcherState.totalsOf(step.state, worker)
    totals.packets--
    totals.units -= pending.units
    totals.busyMillis -= millis
    unfinished.set(id, pending)
    retryQueue.add(pending)
    count++
  }
  return count
}

/** Ends the part of a host in the run: nothing of it that is not merged is used. */
const rejectHost = (step: Step, host: string | undefined, id: number) => {
  const { cancels, state } = step
  if (state.rejectedHosts.has(host)) return
  state.rejectedHosts.add(host)
  for (const pending of state.unfinished.values()) {
    if (pending.votes !== undefined) pending.votes = pending.votes.filter((vote) => vote.host !== host)
  }
  DispatcherOutcome.notify(step, { _tag: "HostRejected", host: hostName(host), id, redone: redo(step, host) })
  const message = `its result of packet ${id} is not that of two other hosts`
  for (const worker of state.workers.values()) {
    if (worker.host !== host || worker.state === "gone") continue
    const ids = InFlight.cancelAll(worker.leases, worker.leases.entries.keys(), step.now)
    if (ids.length > 0) cancels.set(worker.index, [...(cancels.get(worker.index) ?? []), ...ids])
    for (const { pending } of worker.leases.entries.values()) {
      DispatcherOutcome.removeHolder(pending, worker)
      DispatcherOutcome.retry(step, pending)
    }
    DispatcherOutcome.loseWorker(step, worker, "gone", message, [])
  }
}

/**
 * Ends a packet on which no further host can work: one result is accepted as it is, several that differ fail. If hosts
 * may join, these wait a lease for one that decides.
 */
const decideWithout = (step: Step, pending: PendingPacket, votes: ReadonlyArray<DispatcherState.Vote>) => {
  const { mayJoin } = step.state
  const [first, ...others] = votes
  if (first === undefined) return
  if (others.length === 0) {
    return DispatcherOutcome.accept(step, first.worker, pending, first.millis, first.result)
  }
  if (mayJoin && step.now - others.at(-1)!.at < step.options.leaseMillis) return
  const message = `the results of ${votes.length} hosts differ, and no other host can decide`
  for (const { worker } of votes) {
    const { failures } = DispatcherOutcome.addAttempt(step, worker, pending, { kind: "Outvoted", message })
    failures.isHopeless = true
  }
  step.state.retryQueue.delete(pending)
  DispatcherOutcome.retry(step, pending)
}

/** Ends a verified packet that waits for another host, if none is left that could work on it. */
export const decideIfLast = (step: Step, pending: PendingPacket) => {
  const { votes } = pending
  if (votes === undefined || votes.length === 0 || pending.holders.length > 0) return
  if (!DispatcherState.hasCandidate(pending, step.state.workers)) decideWithout(step, pending, votes)
}

/** Notifies that the results of a packet differ, if another host decides or may join. */
const notifyOfDifference = (step: Step, pending: PendingPacket) => {
  const { options, state } = step
  const { id, votes = [] } = pending
  const isDecidable = DispatcherState.hasCandidate(pending, state.workers)
  if (!isDecidable && !state.mayJoin) return
  DispatcherOutcome.notify(step, {
    _tag: "ResultsDiffer",
    id,
    hosts: votes.map(({ host }) => hostName(host)),
    waitMillis: isDecidable ? undefined : options.leaseMillis
  })
}

/** Counts the result of a worker for a packet that is verified. */
export const vote = (
  step: Step,
  worker: WorkerState,
  pending: PendingPacket,
  { millis, result }: { readonly result: unknown; readonly millis: number }
) => {
  const { options, state } = step
  const before = pending.votes ?? []
  if (before.some(({ host }) => host === worker.host)) return DispatcherOutcome.retry(step, pending)
  pending.votes = [...before, { worker, host: worker.host, result, millis, at: step.now }]
  const isSame = (one: DispatcherState.Vote) => options.verify!.isEqual(one.result, result)
  if (before.some(isSame)) {
    const liars = before.filter((one) => !isSame(one))
    DispatcherOutcome.accept(step, worker, pending, millis, result, true)
    for (const { host, worker: liar } of liars) {
      DispatcherState.totalsOf(state, liar).failures++
      rejectHost(step, host, pending.id)
    }
    return
  }
  if (before.length > 0) notifyOfDifference(step, pending)
  DispatcherOutcome.retry(step, pending)
  decideIfLast(step, pending)
}
