/** The state that a dispatcher keeps for each packet and each worker. */

import type { Attempt } from "../FarmError.ts"
import * as PacketSizing from "./PacketSizing.ts"

/** A packet that is split off and has no result. */
export interface PendingPacket<Packet> {
  readonly id: number
  readonly packet: Packet
  readonly units: number
  /** The leases whose result is awaited: more than one if several workers try the packet. */
  readonly leases: Array<Lease<Packet>>
  readonly attempts: Array<Attempt>
  /** The indexes of workers on which it failed: another worker is preferred. */
  readonly failedOn: Array<number>
}

/** An assignment of a packet to a worker. */
export interface Lease<Packet> {
  readonly pending: PendingPacket<Packet>
  /** The time of the assignment, in milliseconds. */
  readonly sentAt: number
  /** A lease occupies capacity, in every state, until the worker reports an outcome. */
  state: "active" | "cancelled" | "expired"
  /** The time at which it was cancelled or expired, in milliseconds. */
  revokedAt: number
}

/** The properties of a worker. */
export interface WorkerInfo {
  readonly name: string
  readonly capacity: number
  readonly latencyMillis: number
}

/** The state of a worker, with its leases in the order of assignment. */
export interface WorkerState<Packet> extends WorkerInfo {
  readonly index: number
  readonly leases: Map<number, Lease<Packet>>
  readonly throughput: PacketSizing.Throughput
  state: "ready" | "lost" | "gone"
  /** Leases that expired and have no outcome yet. */
  expiredLeases: number
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

export const makeWorkerState = <Packet>(info: WorkerInfo, index: number): WorkerState<Packet> => ({
  index,
  name: info.name,
  capacity: info.capacity,
  latencyMillis: info.latencyMillis,
  leases: new Map(),
  throughput: PacketSizing.make(),
  state: "ready",
  expiredLeases: 0,
  consecutiveFailures: 0,
  lastOutcomeAt: Number.NEGATIVE_INFINITY,
  lossMessage: "",
  packets: 0,
  units: 0,
  busyMillis: 0
})

/** Returns true if a worker can receive packets: it is ready, and every expired lease has an outcome. */
export const isUsable = <Packet>({ expiredLeases, state }: WorkerState<Packet>) =>
  state === "ready" && expiredLeases === 0

/** A worker with this number of failures in a row is backed off. */
const maxConsecutiveFailures = 3

const isFailing = <Packet>({ consecutiveFailures }: WorkerState<Packet>) =>
  consecutiveFailures >= maxConsecutiveFailures

/**
 * Returns true if a worker is backed off because its last packets all failed. Failing takes little time, so such a
 * worker would soon receive every packet. It is backed off only while another worker succeeds, and for one lease.
 */
export const isBackedOff = <Packet>(
  worker: WorkerState<Packet>,
  all: ReadonlyArray<WorkerState<Packet>>,
  now: number,
  leaseMillis: number
) =>
  isFailing(worker) &&
  now < worker.lastOutcomeAt + leaseMillis &&
  all.some((other) => isUsable(other) && !isFailing(other))

export const isIdle = <Packet>({ leases }: WorkerState<Packet>) => leases.size === 0

export const hasCapacity = <Packet>({ capacity, leases, latencyMillis, throughput }: WorkerState<Packet>) =>
  leases.size < PacketSizing.windowSize(throughput, capacity, latencyMillis)

/** Returns true if a packet may go to a worker: it has not failed there, or has failed on every usable worker. */
export const isEligible = <Packet>(
  { failedOn }: PendingPacket<Packet>,
  { index }: WorkerState<Packet>,
  all: ReadonlyArray<WorkerState<Packet>>
) => !failedOn.includes(index) || !all.some((other) => isUsable(other) && !failedOn.includes(other.index))

/** An idle worker copies a packet if it is expected to finish it faster by this factor. */
const minSpeedup = 1.5

/**
 * Finds the packet of another worker that an idle worker should try as well: one that waits behind others, or takes
 * longer than estimated. A packet that is late already is expected to take as long again.
 */
export const straggler = <Packet>(
  idle: WorkerState<Packet>,
  all: ReadonlyArray<WorkerState<Packet>>,
  now: number,
  minRemainingMillis: number
): PendingPacket<Packet> | undefined => {
  let best: PendingPacket<Packet> | undefined
  let longest = minRemainingMillis
  for (const other of all) {
    if (other === idle || other.leases.size === 0) continue
    let units = 0
    let since = other.lastOutcomeAt
    for (const { pending, sentAt, state } of other.leases.values()) {
      if (units === 0) since = Math.max(since, sentAt)
      units += pending.units
      if (state !== "active" || pending.leases.length > 1 || pending.failedOn.includes(idle.index)) continue
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
