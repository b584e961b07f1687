/**
 * Tracks packets with a peer's id but another incarnation. Their sender is one of three: an old run whose packets
 * arrive late, a new run whose clock or disk was set back, or a second peer with the same id. All functions are pure.
 */

/** Another incarnation of a peer. Only one at a time is tracked. */
export interface RivalIncarnation {
  readonly incarnation: number
  /** Sequence number of its latest packet; older ones are ignored. */
  readonly sequence: number
  /** Packets received in increasing order. */
  readonly packets: number
  /** Number of times it was received after the current incarnation. */
  readonly alternations: number
  /** Packets of the current incarnation at the last alternation. */
  readonly ownPackets: number
  /** Times of its first and its latest packet. */
  readonly firstAt: number
  readonly lastAt: number
}

/** Late packets that an ended run may leave behind. More packets over an interval come from a running peer. */
const maxStragglerPackets = 2

/** Returns the rival for the incarnation that was current until now. */
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
 * Applies a packet of another incarnation; `ownPackets` counts those of the current one. A rival that was silent for
 * longer than `silenceLimit` is replaced or starts over. Returns the same object if the packet is outdated.
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

/** Returns true if the rival sends continuously. */
export const isSustained = ({ packets, firstAt }: RivalIncarnation, interval: number, time: number): boolean =>
  packets > maxStragglerPackets && time - firstAt >= interval

/** Returns true if the rival and the current incarnation send alternately. */
export const isConflict = (rival: RivalIncarnation, interval: number, time: number): boolean =>
  rival.alternations > maxStragglerPackets && isSustained(rival, interval, time)
