/** The state of a dispatcher: a record of plain data, and the questions that its transitions ask. */

import type { Attempt } from "../FarmError.ts"
import * as InFlight from "../InFlight.ts"
import type { Action, EndAction, Options, WorkerInfo } from "./DispatcherEvent.ts"
import * as PacketSizing from "./PacketSizing.ts"

/** A packet that is split off and has no result. */
export interface PendingPacket<Packet = unknown> {
  readonly id: number
  readonly packet: Packet
  readonly units: number
  /** The indexes of workers whose result is awaited: more than one if several workers try the packet. */
  readonly holders: Array<number>
  readonly attempts: Array<Attempt>
  /** The index of the worker of each attempt: another worker is preferred. */
  readonly failedOn: Array<number>
}

/** An assignment of a packet to a worker. It occupies capacity until the worker reports an outcome. */
interface Lease<Packet = unknown> {
  readonly pending: PendingPacket<Packet>
  /** The time of the assignment, in milliseconds. */
  readonly sentAt: number
}

/** The state of a worker. */
export interface WorkerState<Packet = unknown> extends WorkerInfo {
  readonly index: number
  /** The leases by packet id. One that is not cancelled is active: the worker is a holder of the packet. */
  readonly leases: InFlight.InFlight<number, Lease<Packet>>
  /** The packet ids of the cancelled leases that have expired. */
  readonly expired: Set<number>
  readonly throughput: PacketSizing.Throughput
  state: "ready" | "lost" | "gone"
  /** Failed or stopped packets since the last success. */
  consecutiveFailures: number
  /** The time of the last outcome, in milliseconds. */
  lastOutcomeAt: number
  /** The error of the last loss. */
  lossMessage: string
  /** Packets, units and working time of the results that were merged. */
  packets: number
  units: number
  busyMillis: number
}

/** The state of a run. `structuredClone` makes a snapshot of it, if it can clone the packets and results. */
export interface State<Packet = unknown, Result = unknown> {
  readonly workers: ReadonlyArray<WorkerState<Packet>>
  /** The workers to which packets may be assigned: all that are usable and have capacity, and perhaps others. */
  readonly available: Set<WorkerState<Packet>>
  /** The packets without a result, by id. While the run lasts, each has a holder or is in `retryQueue`. */
  readonly unfinished: Map<number, PendingPacket<Packet>>
  /** The unfinished packets to be assigned again. */
  readonly retryQueue: Set<PendingPacket<Packet>>
  /** Results of an ordered run, by packet id, that wait for the results of earlier packets. */
  readonly outOfOrder: Map<number, { readonly pending: PendingPacket<Packet>; readonly result: Result }>
  nextId: number
  mergedCount: number
  /** The merged packets that do not count against the buffer any more. */
  consumedCount: number
  /** The units of the packets that were split off, without the restored ones. */
  splitUnits: number
  /** True once `nextPacket` has returned the last packet, or has thrown. */
  isExhausted: boolean
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
  /** Merges and notices. */
  readonly actions: Array<Action<unknown, unknown>>
  /** Packet ids to cancel, by worker index. */
  readonly cancels: Map<number, Array<number>>
  /** Packets to run, by worker index. */
  readonly runs: Map<number, Array<PendingPacket>>
}

/** Makes the state of a worker without leases. */
export const makeWorkerState = <Packet>(info: WorkerInfo, index: number): WorkerState<Packet> => ({
  index,
  name: info.name,
  capacity: info.capacity,
  latencyMillis: info.latencyMillis,
  leases: InFlight.make(),
  expired: new Set(),
  throughput: PacketSizing.make(),
  state: "ready",
  consecutiveFailures: 0,
  lastOutcomeAt: Number.NEGATIVE_INFINITY,
  lossMessage: "",
  packets: 0,
  units: 0,
  busyMillis: 0
})

/** Returns true if a worker can receive packets: it is ready, and every expired lease has an outcome. */
export const isUsable = ({ expired, state }: WorkerState) => state === "ready" && expired.size === 0

/** A worker with this number of failures in a row is backed off. */
const maxConsecutiveFailures = 3

const isFailing = ({ consecutiveFailures }: WorkerState) => consecutiveFailures >= maxConsecutiveFailures

/**
 * Returns true if a worker is backed off because its last packets all failed. Failing takes little time, so such a
 * worker would soon receive every packet. It is backed off only while another worker succeeds, and for one lease.
 */
export const isBackedOff = (worker: WorkerState, all: ReadonlyArray<WorkerState>, now: number, leaseMillis: number) =>
  isFailing(worker) &&
  now < worker.lastOutcomeAt + leaseMillis &&
  all.some((other) => isUsable(other) && !isFailing(other))

/** Returns true if a worker has no lease. */
export const isIdle = ({ leases }: WorkerState) => leases.entries.size === 0

/** Returns true if a worker may have one more lease. */
export const hasCapacity = ({ capacity, leases, latencyMillis, throughput }: WorkerState) =>
  leases.entries.size < PacketSizing.windowSize(throughput, capacity, latencyMillis)

/** Returns true if a packet may go to a worker: it has not failed there, or has failed on every usable worker. */
export const isEligible = ({ failedOn }: PendingPacket, { index }: WorkerState, all: ReadonlyArray<WorkerState>) =>
  !failedOn.includes(index) || !all.some((other) => isUsable(other) && !failedOn.includes(other.index))

/** An idle worker copies a packet if it is expected to finish it faster by this factor. */
const minSpeedup = 1.5

/**
 * Finds the packet of another worker that an idle worker should try as well: one that waits behind others, or takes
 * longer than estimated. A packet that is late already is expected to take as long again.
 */
export const straggler = (
  idle: WorkerState,
  all: ReadonlyArray<WorkerState>,
  now: number,
  minRemainingMillis: number
): PendingPacket | undefined => {
  let best: PendingPacket | undefined
  let longest = minRemainingMillis
  for (const other of all) {
    if (other === idle || isIdle(other)) continue
    let units = 0
    let since = other.lastOutcomeAt
    for (const { pending, sentAt } of other.leases.entries.values()) {
      if (units === 0) since = Math.max(since, sentAt)
      units += pending.units
      const { failedOn, holders } = pending
      if (holders.length !== 1 || holders[0] !== other.index || failedOn.includes(idle.index)) continue
      const waited = now - since
      const estimated = PacketSizing.estimateMillis(other.throughput, units) ?? 0
      const remaining = estimated > waited ? estimated - waited : waited
      const ownEstimate =
        PacketSizing.estimateMillis(idle.throughput, pending.units) ??
        PacketSizing.estimateMillis(other.throughput, pending.units) ??
        0
      if (remaining <= longest || remaining < minSpeedup * (ownEstimate + idle.latencyMillis)) continue
      best = pending
      longest = remaining
    }
  }
  return best
}
