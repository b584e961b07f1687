/**
 * Notices of packets that have no outcome for a long time, although their workers say that they are well. No lease ends
 * such a packet: work may take any time, unless the run has a timeout.
 */
import type * as DispatcherEvent from "./DispatcherEvent.ts"
import * as DispatcherOutcome from "./DispatcherOutcome.ts"
import * as DispatcherState from "./DispatcherState.ts"

type Step = DispatcherState.Step
type WorkerState = DispatcherState.WorkerState

/** The leases after which a packet is named for the first time; it is named again after twice the time. */
const slowLeases = 10

const slowMillis = ({ options }: Step, noticedMillis: number) =>
  Math.max(slowLeases * options.leaseMillis, 2 * noticedMillis)

/** Returns the packet that a worker has worked on for the longest time, and since when. */
const longestBegun = (worker: WorkerState) => {
  if (worker.reportsEachBegin === true) return worker.begun.entries().next().value
  const [oldest] = worker.leases.entries
  if (oldest === undefined) return undefined
  const begunAt = DispatcherState.begunAt(worker, ...oldest, true)
  return begunAt === undefined ? undefined : ([oldest[0], begunAt] as const)
}

const notify = (step: Step, { host, name }: WorkerState, id: number, millis: number, hasBegun: boolean) =>
  DispatcherOutcome.notify(step, { _tag: "PacketSlow", id, worker: name, host, millis, hasBegun })

/** Names a packet that a worker works on, unless a timeout will end that. */
const noticeBegun = (step: Step, worker: WorkerState, id: number, begunAt: number) => {
  const lease = worker.leases.entries.get(id)
  if (lease === undefined || step.options.timeoutMillis !== undefined) return
  const millis = step.now - begunAt
  if (millis < slowMillis(step, lease.noticedMillis)) return
  lease.noticedMillis = millis
  notify(step, worker, id, millis, true)
}

/** Names a packet that a worker has and does not begin, if no worker of the run ends any: others may be before it. */
const noticeWaiting = (step: Step, worker: WorkerState) => {
  const { now, state } = step
  const [oldest] = worker.leases.entries
  if (oldest === undefined) return
  const [id, { sentAt }] = oldest
  const millis = now - Math.max(sentAt, state.lastOutcomeAt)
  if (millis < slowMillis(step, state.noticedMillis)) return
  state.noticedMillis = millis
  notify(step, worker, id, millis, false)
}

/** The part of a lease between two searches: each looks at all workers. */
const searchFraction = 0.1

/** Notifies of packets that have had no outcome for a long time. */
export const noticeSlowPackets = (step: Step): void => {
  const { now, options, state } = step
  if (now - state.slowSearchedAt < searchFraction * options.leaseMillis) return
  state.slowSearchedAt = now
  for (const worker of state.workers.values()) {
    const begun = longestBegun(worker)
    if (begun === undefined) noticeWaiting(step, worker)
    else if (!worker.leases.cancelledAt.has(begun[0])) noticeBegun(step, worker, ...begun)
  }
}

/** Returns the line of a log for a packet without an outcome. */
export const textOf = ({
  hasBegun,
  id,
  millis,
  worker
}: Extract<DispatcherEvent.Notice, { readonly _tag: "PacketSlow" }>): string => {
  const seconds = Math.round(millis / 1_000)
  return hasBegun
    ? `${worker}: has worked on packet ${id} for ${seconds} s; a timeout of the run would end such work`
    : `${worker}: has had packet ${id} for ${seconds} s, and has not begun it; check the host, or add a worker`
}
