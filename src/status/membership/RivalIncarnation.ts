/**
 * Packets with a peer's id that are not of the life its row is about: stragglers of one that is over, a new life that
 * looks like an old one as its clock or its disk was set back, or a second peer with the same id. Pure.
 */

/** One other life of a peer, as far as it was heard. Of several at a time only one is followed. */
export interface RivalIncarnation {
  readonly incarnation: number
  /** The latest packet of it: others are stale. */
  readonly sequence: number
  /** Packets, each later than the one before. */
  readonly packets: number
  /** How often it was heard after the row's own life had been heard again. */
  readonly alternations: number
  /** Packets of the row's own life at the last turn. */
  readonly ownPackets: number
  /** When the first of the packets came, and the latest. */
  readonly firstAt: number
  readonly lastAt: number
}

/** More than so many packets are no stragglers, if they go on for an interval. */
const maxStragglerPackets = 2

/** The life that was the row's until now. */
export const superseded = (incarnation: number, sequence: number, time: number): RivalIncarnation => ({
  incarnation,
  sequence,
  packets: 0,
  alternations: 0,
  ownPackets: 1,
  firstAt: time,
  lastAt: time
})

/**
 * Takes a packet that is not of the row's own life, of which there were `heard` packets. What was silent for longer
 * than `patience` gives way to another life, or begins anew; the same value again: the packet is stale.
 */
export const receive = (
  rival: RivalIncarnation | undefined,
  incarnation: number,
  sequence: number,
  ownPackets: number,
  time: number,
  silenceLimit: number
): RivalIncarnation | undefined => {
  const isExpired = rival === undefined || time - rival.lastAt > silenceLimit
  if (rival?.incarnation !== incarnation) {
    return isExpired ? { ...superseded(incarnation, sequence, time), packets: 1, alternations: 1, ownPackets } : rival
  }
  if (sequence <= rival.sequence) return rival
  const isFirst = isExpired || rival.packets === 0
  return {
    incarnation,
    sequence,
    packets: isFirst ? 1 : rival.packets + 1,
    alternations: (isFirst ? 0 : rival.alternations) + (ownPackets > rival.ownPackets ? 1 : 0),
    ownPackets,
    firstAt: isFirst ? time : rival.firstAt,
    lastAt: time
  }
}

/** It has come to stay. */
export const isSustained = ({ packets, firstAt }: RivalIncarnation, interval: number, time: number): boolean =>
  packets > maxStragglerPackets && time - firstAt >= interval

/** It and the row's own life go on side by side. */
export const isConflict = (rival: RivalIncarnation, interval: number, time: number): boolean =>
  rival.alternations > maxStragglerPackets && isSustained(rival, interval, time)
