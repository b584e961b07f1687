/**
 * Packets with a peer's id that are not of the life its row is about: stragglers of one that is over, a new life that
 * looks like an old one as its clock or its disk was set back, or a second peer with the same id. Pure.
 */

/** One other life of a peer, as far as it was heard. Of several at a time only one is followed. */
export interface OtherLife {
  readonly incarnation: number
  /** The latest packet of it: others are stale. */
  readonly sequence: number
  /** Packets, each later than the one before. */
  readonly packets: number
  /** How often it was heard after the row's own life had been heard again. */
  readonly turns: number
  /** Packets of the row's own life at the last turn. */
  readonly heard: number
  /** When the first of the packets came, and the latest. */
  readonly since: number
  readonly at: number
}

/** More than so many packets are no stragglers, if they go on for an interval. */
const stragglers = 2

/** The life that was the row's until now. */
export const former = (incarnation: number, sequence: number, time: number): OtherLife => ({
  incarnation,
  sequence,
  packets: 0,
  turns: 0,
  heard: 1,
  since: time,
  at: time
})

/**
 * Takes a packet that is not of the row's own life, of which there were `heard` packets. What was silent for longer
 * than `patience` gives way to another life, or begins anew; the same value again: the packet is stale.
 */
export const hear = (
  known: OtherLife | undefined,
  incarnation: number,
  sequence: number,
  heard: number,
  time: number,
  patience: number
): OtherLife | undefined => {
  const over = known === undefined || time - known.at > patience
  if (known?.incarnation !== incarnation) {
    return over ? { ...former(incarnation, sequence, time), packets: 1, turns: 1, heard } : known
  }
  if (sequence <= known.sequence) return known
  const begins = over || known.packets === 0
  return {
    incarnation,
    sequence,
    packets: begins ? 1 : known.packets + 1,
    turns: (begins ? 0 : known.turns) + (heard > known.heard ? 1 : 0),
    heard,
    since: begins ? time : known.since,
    at: time
  }
}

/** It has come to stay. */
export const isLasting = ({ packets, since }: OtherLife, interval: number, time: number): boolean =>
  packets > stragglers && time - since >= interval

/** It and the row's own life go on side by side. */
export const isRival = (other: OtherLife, interval: number, time: number): boolean =>
  other.turns > stragglers && isLasting(other, interval, time)
