/**
 * The segments of a simulated TCP connection as they would be on the wire.
 *
 * The simulated network sends a segment once and lets it arrive late when copies of it are lost: after 200 ms, 600 ms,
 * 1,400 ms and so on, as a sender with a timeout that doubles would. From that time this module derives the copies, so
 * that a diagram shows each of them. A segment that arrives before an earlier one of its stream waits in the buffer of
 * the receiver; its arrow ends when it arrives, and `heldMillis` tells when the program gets it.
 */
import type * as Packet from "../../network/Packet.ts"
import type { Arrow } from "../Arrow.ts"
import type { Link } from "./Link.ts"

/** A segment that the network has observed. */
export interface Segment {
  readonly packet: Packet.ObservedPacket
  /** Ports of the sender and of the receiver. */
  readonly path: string
  /** Time at which it leaves the queue of the link, in nanoseconds. */
  readonly departedAt: number
}

/** The part of an arrow that differs between the copies of a segment. */
export interface Copy extends Pick<Arrow, "sentMillis" | "arrivesMillis" | "lost" | "fault"> {
  /** Time at which the program can read the data, if they wait for an earlier segment. */
  readonly heldMillis?: number
  /** True for a copy that TCP sends when its timeout expires. */
  readonly isRepetition: boolean
}

/** Timeout of the simulated TCP before the first repetition; it doubles. */
const firstTimeoutNanos = 200_000_000

/** Difference of times that come from rounding. */
const toleranceNanos = 1_000_000

/** More copies than any run draws. */
const maxCopies = 40

const headerBytes = 40

const millis = (nanos: number) => Math.round(nanos / 1_000) / 1_000

/** Returns the number of lost copies by the time that they took. */
const lostCopies = (waitedNanos: number): number => {
  let lost = 0
  for (let sum = firstTimeoutNanos; sum <= waitedNanos + toleranceNanos && lost < maxCopies; lost++) {
    sum = firstTimeoutNanos * (2 ** (lost + 2) - 1)
  }
  return lost
}

/** Returns the time between the first copy and copy `index`, from 0. */
const waitBefore = (index: number) => firstTimeoutNanos * (2 ** index - 1)

/** Segments that carry a byte or a FIN of the stream arrive in order; others do not wait. */
const isOrdered = ({ kind }: Packet.Packet) => kind === "data" || kind === "fin"

/** Makes the function that returns the copies of each segment of a run, in order. */
export const make = ({ latencyNanos, nanosPerByte }: Link) => {
  /** Time at which the stream of a direction has been delivered up to now. */
  const deliveredAt = new Map<string, number>()
  return ({ departedAt, packet, path }: Segment): ReadonlyArray<Copy> => {
    if (packet.arrives === undefined) {
      return [{ sentMillis: millis(departedAt), lost: true, fault: "drop", isRepetition: false }]
    }
    const arrives = Number(packet.arrives)
    const travelNanos = (packet.bytes.length + headerBytes) * nanosPerByte + latencyNanos
    const earliest = Math.round(departedAt + travelNanos)
    const before = isOrdered(packet) ? (deliveredAt.get(path) ?? 0) : 0
    if (isOrdered(packet)) deliveredAt.set(path, arrives)
    const lost = lostCopies(arrives - Math.max(earliest, before))
    const lastSentAt = lost === 0 ? departedAt : arrives - travelNanos
    const sentAt = (index: number) => (index === 0 ? departedAt : lastSentAt - waitBefore(lost) + waitBefore(index))
    const copies = Array.from({ length: lost }, (_, index): Copy => {
      return { sentMillis: millis(sentAt(index)), lost: true, fault: "drop", isRepetition: index > 0 }
    })
    const arrivesMillis = millis(lost === 0 ? earliest : arrives)
    const isHeld = millis(arrives) > arrivesMillis
    const last: Copy = { sentMillis: millis(lastSentAt), arrivesMillis, lost: false, isRepetition: lost > 0 }
    return [...copies, isHeld ? { ...last, heldMillis: millis(arrives) } : last]
  }
}
