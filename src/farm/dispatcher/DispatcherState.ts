/** What a dispatcher knows of packets and workers. */

import type { Attempt } from "../FarmError.ts"
import * as PacketSizing from "./PacketSizing.ts"

/** A packet that is cut and has no result yet. */
export interface PendingPacket<Packet> {
  readonly id: number
  readonly packet: Packet
  readonly units: number
  /** The copies whose result is waited for. */
  readonly leases: Array<Lease<Packet>>
  readonly attempts: Array<Attempt>
  /** Workers that it failed on: it goes to another, if there is one. */
  readonly failedOn: Array<number>
}

/** A packet that a worker has. */
export interface Lease<Packet> {
  readonly pending: PendingPacket<Packet>
  readonly sentAt: number
  /** The place is taken until the worker says how it ended, whatever has become of the packet. */
  state: "active" | "cancelled" | "expired"
  /** Since when it is not active. */
  revokedAt: number
}

/** What is known of a worker beforehand. */
export interface WorkerInfo {
  readonly name: string
  readonly capacity: number
  readonly latencyMillis: number
}

/** A worker that holds packets, in the order in which it got them. */
export interface WorkerState<Packet> extends WorkerInfo {
  readonly index: number
  readonly leases: Map<number, Lease<Packet>>
  readonly throughput: PacketSizing.Throughput
  state: "ready" | "lost" | "gone"
  /** How many flights have expired and not ended. */
  expiredLeases: number
  /** How many packets in a row it has said it could not do. */
  consecutiveFailures: number
  /** When it last reported an end. */
  lastOutcomeAt: number
  /** What it said when it was lost. */
  lossMessage: string
  /** What counted of its work. */
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

/** Whether a worker can be given packets: not where one has run out of time and has not ended. */
export const isUsable = <Packet>({ expiredLeases, state }: WorkerState<Packet>) =>
  state === "ready" && expiredLeases === 0

const isFailing = <Packet>({ consecutiveFailures }: WorkerState<Packet>) => consecutiveFailures >= 3

/**
 * Whether a worker is to wait, since all that it has done of late is to fail: quick at that, it would soon have taken
 * every packet. Others must be there to do the work, and after a lease it gets another chance.
 */
export const isBackedOff = <Packet>(
  worker: WorkerState<Packet>,
  all: ReadonlyArray<WorkerState<Packet>>,
  now: number,
  lease: number
) =>
  isFailing(worker) && now < worker.lastOutcomeAt + lease && all.some((other) => isUsable(other) && !isFailing(other))

export const isIdle = <Packet>({ leases }: WorkerState<Packet>) => leases.size === 0

export const hasCapacity = <Packet>({ capacity, leases, latencyMillis, throughput }: WorkerState<Packet>) =>
  leases.size < PacketSizing.windowSize(throughput, capacity, latencyMillis)

/** Whether a packet may go to this worker: not again where it failed, while there is another to ask. */
export const isEligible = <Packet>(
  { failedOn }: PendingPacket<Packet>,
  { index }: WorkerState<Packet>,
  all: ReadonlyArray<WorkerState<Packet>>
) => !failedOn.includes(index) || !all.some((other) => isUsable(other) && !failedOn.includes(other.index))

/** A copy is worth it where it will probably be so many times faster. */
const minSpeedup = 1.5

/**
 * The packet of another worker that an idle one should try as well: one that waits there behind others, or that takes
 * longer than it should. What is late already is expected to take as long again.
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
      const expected = PacketSizing.estimateMillis(other.throughput, units) ?? 0
      const remains = expected > waited ? expected - waited : waited
      const own =
        PacketSizing.estimateMillis(idle.throughput, pending.units) ??
        PacketSizing.estimateMillis(other.throughput, pending.units) ??
        0
      if (remains <= longest || remains < minSpeedup * (own + idle.latencyMillis)) continue
      best = pending
      longest = remains
    }
  }
  return best
}
