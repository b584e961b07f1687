/** What a dispatcher knows of packets and workers. */

import type { Attempt } from "../FarmError.ts"
import * as Pace from "./PacketSizing.ts"

/** A packet that is cut and has no result yet. */
export interface Entry<Packet> {
  readonly id: number
  readonly packet: Packet
  readonly units: number
  /** The copies whose result is waited for. */
  readonly flights: Array<Flight<Packet>>
  readonly attempts: Array<Attempt>
  /** Workers that it failed on: it goes to another, if there is one. */
  readonly failedOn: Array<number>
}

/** A packet that a worker has. */
export interface Flight<Packet> {
  readonly entry: Entry<Packet>
  readonly sent: number
  /** The place is taken until the worker says how it ended, whatever has become of the packet. */
  state: "active" | "cancelled" | "expired"
  /** Since when it is not active. */
  dropped: number
}

/** What is known of a worker beforehand. */
export interface WorkerInfo {
  readonly name: string
  readonly capacity: number
  readonly latency: number
}

/** A worker that holds packets, in the order in which it got them. */
export interface Holder<Packet> extends WorkerInfo {
  readonly index: number
  readonly flights: Map<number, Flight<Packet>>
  readonly pace: Pace.Pace
  state: "ready" | "lost" | "gone"
  /** How many flights have expired and not ended. */
  expired: number
  /** How many packets in a row it has said it could not do. */
  failures: number
  /** When it last reported an end. */
  heard: number
  /** What it said when it was lost. */
  message: string
  /** What counted of its work. */
  packets: number
  units: number
  busy: number
}

export const holder = <Packet>(info: WorkerInfo, index: number): Holder<Packet> => ({
  index,
  name: info.name,
  capacity: info.capacity,
  latency: info.latency,
  flights: new Map(),
  pace: Pace.make(),
  state: "ready",
  expired: 0,
  failures: 0,
  heard: Number.NEGATIVE_INFINITY,
  message: "",
  packets: 0,
  units: 0,
  busy: 0
})

/** Whether a worker can be given packets: not where one has run out of time and has not ended. */
export const isUsable = <Packet>({ expired, state }: Holder<Packet>) => state === "ready" && expired === 0

const failsAlways = <Packet>({ failures }: Holder<Packet>) => failures >= 3

/**
 * Whether a worker is to wait, since all that it has done of late is to fail: quick at that, it would soon have taken
 * every packet. Others must be there to do the work, and after a lease it gets another chance.
 */
export const isBenched = <Packet>(
  holder: Holder<Packet>,
  all: ReadonlyArray<Holder<Packet>>,
  now: number,
  lease: number
) => failsAlways(holder) && now < holder.heard + lease && all.some((other) => isUsable(other) && !failsAlways(other))

export const isIdle = <Packet>({ flights }: Holder<Packet>) => flights.size === 0

export const hasRoom = <Packet>({ capacity, flights, latency, pace }: Holder<Packet>) =>
  flights.size < Pace.window(pace, capacity, latency)

/** Whether a packet may go to this worker: not again where it failed, while there is another to ask. */
export const suits = <Packet>(
  { failedOn }: Entry<Packet>,
  { index }: Holder<Packet>,
  all: ReadonlyArray<Holder<Packet>>
) => !failedOn.includes(index) || !all.some((other) => isUsable(other) && !failedOn.includes(other.index))

/** A copy is worth it where it will probably be so many times faster. */
const advantage = 1.5

/**
 * The packet of another worker that an idle one should try as well: one that waits there behind others, or that takes
 * longer than it should. What is late already is expected to take as long again.
 */
export const straggler = <Packet>(
  idle: Holder<Packet>,
  all: ReadonlyArray<Holder<Packet>>,
  now: number,
  least: number
): Entry<Packet> | undefined => {
  let best: Entry<Packet> | undefined
  let longest = least
  for (const other of all) {
    if (other === idle || other.flights.size === 0) continue
    let units = 0
    let since = other.heard
    for (const { entry, sent, state } of other.flights.values()) {
      if (units === 0) since = Math.max(since, sent)
      units += entry.units
      if (state !== "active" || entry.flights.length > 1 || entry.failedOn.includes(idle.index)) continue
      const waited = now - since
      const expected = Pace.millisFor(other.pace, units) ?? 0
      const remains = expected > waited ? expected - waited : waited
      const own = Pace.millisFor(idle.pace, entry.units) ?? Pace.millisFor(other.pace, entry.units) ?? 0
      if (remains <= longest || remains < advantage * (own + idle.latency)) continue
      best = entry
      longest = remains
    }
  }
  return best
}
