/** The state of a dispatcher: a record of plain data, and the questions that its transitions ask. */

import type { Attempt } from "../FarmError.ts"
import * as InFlight from "../InFlight.ts"
import type { Action, EndAction, Options, WorkerInfo } from "./DispatcherEvent.ts"
import * as GoneWorkers from "./GoneWorkers.ts"
import * as PacketSizing from "./PacketSizing.ts"

/** The failed attempts at a packet. */
export interface Failures {
  readonly attempts: Array<Attempt>
  /** The index of the worker of each attempt: another worker is preferred. */
  readonly failedOn: Array<number>
  /** The time before which the packet is not assigned again. */
  retryAt: number
  /** True if no further attempt may be made. */
  isHopeless: boolean
  /** The largest limit of a worker that the packet or its result has exceeded: others may have a larger one. */
  outgrownBytes: number
}

/** A result of a packet that is verified. */
export interface Vote {
  readonly worker: WorkerState
  readonly host: string | undefined
  readonly result: unknown
  /** The duration of the work, and the time of the result, in milliseconds. */
  readonly millis: number
  readonly at: number
}

/** A packet that is split off and has no result. */
export interface PendingPacket<Packet = unknown> {
  readonly id: number
  readonly packet: Packet
  readonly units: number
  readonly bytes: number
  /** True if the packet can be sent only once. */
  readonly isMoved: boolean
  /** The indexes of workers whose result is awaited: more than one if several workers try the packet. */
  readonly holders: Array<number>
  /** Undefined before the first failed attempt. */
  failures: Failures | undefined
  /** The results so far, each of another host; undefined if the packet is not verified. */
  votes: ReadonlyArray<Vote> | undefined
}

/** An assignment of a packet to a worker. It occupies capacity until the worker reports an outcome. */
export interface Lease<Packet = unknown> {
  readonly pending: PendingPacket<Packet>
  /** The time of the assignment, in milliseconds. */
  readonly sentAt: number
  /** The number of the step that assigned it: an outcome of a later step shows that the worker had it. */
  readonly sentStep: number
  /** The time of the work on it at the last notice, in milliseconds; 0 before the first. */
  noticedMillis: number
}

/** The state of a worker. */
export interface WorkerState<Packet = unknown> extends WorkerInfo {
  readonly index: number
  /** The leases by packet id. One that is not cancelled is active: the worker is a holder of the packet. */
  readonly leases: InFlight.InFlight<number, Lease<Packet>>
  /** The packet ids of the cancelled leases that have expired or timed out. */
  readonly expired: Set<number>
  /** The time of the begin of each packet, if the worker reports every begin. */
  readonly begun: Map<number, number>
  readonly throughput: PacketSizing.Throughput
  state: "ready" | "lost" | "gone"
  /** Failed or stopped packets since the last success. */
  consecutiveFailures: number
  /** The time of the last outcome in milliseconds, and its step. */
  lastOutcomeAt: number
  lastOutcomeStep: number
  /** The packet of the last `Working`, -1 if it has ended, and the time of its begin. */
  workingId: number
  workingAt: number
  /** The time of the last report, or of the assignment that ended the last idle time. */
  heardAt: number
  /** The error of the last loss. */
  lossMessage: string
  /** The times at which the worker joined the run, undefined for one of the start, and left it. */
  readonly joinedAt: number | undefined
  goneAt: number | undefined
  /** Packets, units and working time of the results that were merged. */
  packets: number
  units: number
  busyMillis: number
  /** Failed attempts that count against packets, and expired leases. */
  failures: number
  expiries: number
  /** The expired leases since the worker last began or ended a packet. */
  idleExpiries: number
}

/** A result of an ordered run that waits for earlier ones, or the place of a packet that was skipped. */
interface OutOfOrder<Packet, Result> {
  readonly pending: PendingPacket<Packet>
  readonly result: Result | undefined
  readonly isSkipped: boolean
}

/** A result that is merged at the end of the run; `worker` is undefined if hosts have agreed on it. */
interface HeldResult<Packet, Result> {
  readonly pending: PendingPacket<Packet>
  readonly result: Result
  readonly worker: WorkerState | undefined
  readonly millis: number
}

/** The state of a run. `structuredClone` makes a snapshot of it, if it can clone the packets and results. */
export interface State<Packet = unknown, Result = unknown> {
  /** The workers by index, in the order in which they joined, without those that are forgotten. */
  readonly workers: Map<number, WorkerState<Packet>>
  /** The workers that are gone and not forgotten, in the order in which they left. */
  readonly goneWorkers: Array<WorkerState<Packet>>
  readonly forgotten: GoneWorkers.Forgotten
  /** The workers to which packets may be assigned: all that are usable and have capacity, and perhaps others. */
  readonly available: Set<WorkerState<Packet>>
  /** The packets without a result, by id. While the run lasts, each has a holder or is in one of the next two. */
  readonly unfinished: Map<number, PendingPacket<Packet>>
  /** The unfinished packets to be assigned again. */
  readonly retryQueue: Set<PendingPacket<Packet>>
  /** The unfinished packets to be assigned again after a delay. */
  readonly delayed: Set<PendingPacket<Packet>>
  /** Packets that may be late, because workers without a result hold them: others copy them. */
  readonly doubtful: Set<PendingPacket<Packet>>
  /** Results of an ordered run, by packet id, that wait for the results of earlier packets. */
  readonly outOfOrder: Map<number, OutOfOrder<Packet, Result>>
  /** Results of a verified run, by packet id, which are merged at its end. */
  readonly held: Map<number, HeldResult<Packet, Result>>
  readonly rejectedHosts: Set<string | undefined>
  /** The bytes of each merged packet that is not consumed, if there is a limit and results are held. */
  readonly mergedBytes: Array<number>
  /** True until `JoiningEnded`. */
  mayJoin: boolean
  /** The index of the next worker. */
  nextWorker: number
  /** The workers that are not gone. */
  liveCount: number
  /** The time of the first step. */
  startedAt: number
  /** The number of the current step. */
  stepCount: number
  /** The time of the last outcome of any worker, and how long ago it was at the last notice since. */
  lastOutcomeAt: number
  noticedMillis: number
  /** The time of the last search for packets without an outcome. */
  slowSearchedAt: number
  /** The time of the last search for a straggler. */
  searchedAt: number
  nextId: number
  /** Packets that are merged, skipped or dropped. */
  mergedCount: number
  /** The packets of these that do not count against the buffer any more. */
  consumedCount: number
  skippedCount: number
  /** Packets whose results were not needed any more. */
  droppedCount: number
  /** Assignments of packets that had failed before. */
  retryCount: number
  /** The bytes of the packets that count against the buffer. */
  bufferedBytes: number
  /** The units of the packets that were split off, without the restored ones. */
  splitUnits: number
  /** True once `nextPacket` has returned the last packet, or has thrown. */
  isExhausted: boolean
  /** True if a worker found no packet to split off in the last step. */
  isSourceDry: boolean
  /** The failure of `nextPacket`, which ends the run. */
  splitFailure: EndAction<Packet> | undefined
  /** The action that has ended the run. */
  end: EndAction<Packet> | undefined
}

/** A step in progress. Packets and results are opaque to it. */
export interface Step {
  readonly options: Options<unknown>
  readonly state: State
  readonly now: number
  /** Merges, skips and notices. */
  readonly actions: Array<Action<unknown, unknown>>
  /** Packet ids to cancel, by worker index. */
  readonly cancels: Map<number, Array<number>>
  /** Packets to run, by worker index. */
  readonly runs: Map<number, Array<PendingPacket>>
  /** The indexes of the workers that this step has lost for ever. */
  readonly gone: Array<number>
  /** True once the source or the buffer has refused a packet in this step. */
  isDry: boolean
  /** The stragglers that the search in this step has found, the longest last; undefined before it. */
  stragglers: Array<Straggler> | undefined
}

/** Makes the state of a worker without leases. */
export const makeWorkerState = <Packet>(info: WorkerInfo, index: number, joinedAt?: number): WorkerState<Packet> => ({
  index,
  joinedAt,
  goneAt: undefined,
  name: info.name,
  host: info.host,
  capacity: info.capacity,
  latencyMillis: info.latencyMillis,
  maxPacketBytes: info.maxPacketBytes,
  windowBytes: info.windowBytes,
  reportsEachBegin: info.reportsEachBegin,
  leases: InFlight.make(),
  expired: new Set(),
  begun: new Map(),
  throughput: PacketSizing.make(),
  state: "ready",
  consecutiveFailures: 0,
  lastOutcomeAt: Number.NEGATIVE_INFINITY,
  lastOutcomeStep: -1,
  workingId: -1,
  workingAt: Number.NEGATIVE_INFINITY,
  heardAt: Number.NEGATIVE_INFINITY,
  lossMessage: "",
  packets: 0,
  units: 0,
  busyMillis: 0,
  failures: 0,
  expiries: 0,
  idleExpiries: 0
})

/** The workers of a run, by index. */
export type Workers = ReadonlyMap<number, WorkerState>

/** Returns true if a worker satisfies a condition. */
const hasAny = (all: Workers, isWanted: (worker: WorkerState) => boolean) => {
  for (const worker of all.values()) if (isWanted(worker)) return true
  return false
}

/** Returns the totals that count what a worker does: its own, or those of the workers that are forgotten. */
export const totalsOf = ({ forgotten, workers }: State, worker: WorkerState) =>
  worker.state !== "gone" || workers.has(worker.index) ? worker : GoneWorkers.totalsOf(forgotten, worker.host)

/** Notes that a worker is gone, and forgets the one that left before all others, if there are too many. */
export const retire = ({ forgotten, goneWorkers, startedAt, workers }: State, worker: WorkerState) => {
  const oldest = GoneWorkers.add(goneWorkers, worker)
  if (oldest === undefined) return
  const { busyMillis, expiries, failures, host, index, packets, units } = oldest
  const presentMillis = oldest.goneAt! - (oldest.joinedAt ?? startedAt)
  workers.delete(index)
  const isHostKnown = hasAny(workers, (other) => other.host === host)
  const totals = { workers: 1, packets, units, busyMillis, failures, expiries, presentMillis }
  GoneWorkers.forget(forgotten, host, totals, isHostKnown)
}

/** A worker with this number of expired leases in a row, which begins no packet meanwhile, is given up. */
export const maxIdleExpiries = 3

/** Returns true if a worker can receive packets: it is ready, and every expired lease has an outcome. */
export const isUsable = ({ expired, state }: WorkerState) => state === "ready" && expired.size === 0

/** A worker with this number of failures in a row is backed off. */
export const maxConsecutiveFailures = 3

const isFailing = ({ consecutiveFailures }: WorkerState) => consecutiveFailures >= maxConsecutiveFailures

/**
 * Returns true if a worker is backed off because its last packets all failed. Failing takes little time, so such a
 * worker would soon receive every packet. It is backed off only while another worker succeeds, and for one lease.
 */
export const isBackedOff = (worker: WorkerState, all: Workers, now: number, leaseMillis: number) =>
  isFailing(worker) &&
  now < worker.lastOutcomeAt + leaseMillis &&
  hasAny(all, (other) => isUsable(other) && !isFailing(other))

/** Returns true if a worker has no lease. */
export const isIdle = ({ leases }: WorkerState) => leases.entries.size === 0

/** Returns true if a worker may have one more lease. */
export const hasCapacity = ({ capacity, leases, latencyMillis, throughput, windowBytes }: WorkerState) =>
  leases.entries.size < PacketSizing.windowSize(throughput, capacity, latencyMillis, windowBytes)

/**
 * Returns the time at which a worker has begun a lease, or undefined. A worker begins its leases in order, unless it
 * reports each begin: its oldest one is begun if it said so, or if an outcome came after the lease was sent.
 */
export const begunAt = (worker: WorkerState, id: number, lease: Lease, isOldest: boolean): number | undefined => {
  if (worker.reportsEachBegin === true) return worker.begun.get(id)
  if (!isOldest) return undefined
  if (worker.workingId === id) return worker.workingAt
  return worker.lastOutcomeStep > lease.sentStep ? worker.lastOutcomeAt : undefined
}

/** Returns true if a host has a result of a verified packet. */
const hasVoted = ({ votes }: PendingPacket, { host }: WorkerState) => votes?.some((vote) => vote.host === host) === true

/** Returns true if a packet, as far as it is known to be too large for workers, may fit a worker. */
const mayFit = ({ failures }: PendingPacket, { maxPacketBytes = Number.POSITIVE_INFINITY }: WorkerState) =>
  failures === undefined || failures.outgrownBytes < maxPacketBytes

/** Returns true if a worker can ever end a packet: it may fit, and its host has no result of it. */
const isCandidate = (pending: PendingPacket, worker: WorkerState) =>
  mayFit(pending, worker) && !hasVoted(pending, worker)

/** Returns true if a worker that is not gone can end a packet. */
export const hasCandidate = (pending: PendingPacket, all: Workers) =>
  hasAny(all, (worker) => worker.state !== "gone" && isCandidate(pending, worker))

/**
 * Returns true if a packet may go to a worker. That is a candidate for it without a cancelled lease of it, and the
 * packet has not failed there, or has failed on every usable candidate.
 */
export const isEligible = (pending: PendingPacket, worker: WorkerState, all: Workers) => {
  const { failures, votes } = pending
  if (worker.leases.entries.has(pending.id)) return false
  if (failures === undefined) return votes === undefined || !hasVoted(pending, worker)
  if (!isCandidate(pending, worker)) return false
  const { failedOn } = failures
  const isBetter = (other: WorkerState) =>
    isUsable(other) && !failedOn.includes(other.index) && isCandidate(pending, other)
  return !failedOn.includes(worker.index) || !hasAny(all, isBetter)
}

/** A packet that waits behind others of its last holder, or takes longer than estimated. */
export interface Straggler {
  readonly pending: PendingPacket
  readonly holder: WorkerState
  /** The time until its end, in milliseconds: one that is late already is expected to take as long again. */
  readonly remaining: number
}

/** Returns true if a worker has ever done a packet in this run. */
export const isProven = ({ throughput }: WorkerState) => throughput.largestUnits > 0

/** Returns true if a worker can receive packets and has ever done one. */
const isReliable = (worker: WorkerState) => isUsable(worker) && isProven(worker)

/** Returns true if there is a worker that can receive packets and has ever done one. */
export const hasReliable = (all: Workers) => hasAny(all, isReliable)

/** The workers that try a packet at once, at most: a copy may be late as well. */
const maxHolders = 3

/** Returns true if fewer workers than the most, of those that count, hold a packet. */
const hasRoomForCopy = ({ holders }: PendingPacket, all: Workers, counts: (holder: WorkerState) => boolean) =>
  holders.length < maxHolders || holders.filter((index) => counts(all.get(index)!)).length < maxHolders

/**
 * Returns true if the holders of a packet allow a copy at a worker. Holders without any result count only for other
 * workers of their host without one: hosts that never end anything must not keep a packet from the others.
 */
const allowsCopy = (pending: PendingPacket, idle: WorkerState, all: Workers) =>
  hasRoomForCopy(pending, all, (holder) => isProven(holder) || (!isProven(idle) && holder.host === idle.host))

/** Returns true if a worker is the last that has received a packet, and another one may. */
export const isCopyable = (pending: PendingPacket, { index }: WorkerState, all: Workers) =>
  !pending.isMoved && pending.holders.at(-1) === index && hasRoomForCopy(pending, all, isProven)

/** Returns true if a packet is held, and only by workers without a result. */
export const isDoubtful = ({ holders, isMoved }: PendingPacket, all: Workers) =>
  !isMoved && holders.length > 0 && !holders.some((index) => isProven(all.get(index)!))

/** Finds the packets that take longer than this time to their end, the longest last. */
export const stragglers = (all: Workers, now: number, minRemainingMillis: number): Array<Straggler> => {
  const found: Array<Straggler> = []
  for (const holder of all.values()) {
    let units = 0
    let since = holder.lastOutcomeAt
    for (const { pending, sentAt } of holder.leases.entries.values()) {
      if (units === 0) since = Math.max(since, sentAt)
      units += pending.units
      if (!isCopyable(pending, holder, all)) continue
      const waited = now - since
      const estimated = PacketSizing.estimateMillis(holder.throughput, units) ?? 0
      const remaining = estimated > waited ? estimated - waited : waited
      if (remaining > minRemainingMillis) found.push({ pending, holder, remaining })
    }
  }
  // Of two alike the older one comes first.
  return found.sort((one, two) => two.remaining - one.remaining).reverse()
}

/** An idle worker copies a packet if it is expected to finish it faster by this factor. */
const minSpeedup = 1.5

/** Returns true if a worker should try a straggler as well. */
export const isHelpful = (idle: WorkerState, { holder, pending, remaining }: Straggler, all: Workers) => {
  const { failures, units } = pending
  if (pending.holders.includes(idle.index) || failures?.failedOn.includes(idle.index)) return false
  if (idle.leases.entries.has(pending.id) || !allowsCopy(pending, idle, all)) return false
  const estimate =
    PacketSizing.estimateMillis(idle.throughput, units) ?? PacketSizing.estimateMillis(holder.throughput, units) ?? 0
  return remaining >= minSpeedup * (estimate + idle.latencyMillis) && isCandidate(pending, idle)
}
