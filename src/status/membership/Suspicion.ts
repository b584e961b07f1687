/**
 * How long a silent peer is believed to be alive: by the loss and the lateness that were measured, so that neither a
 * bad network nor a busy peer is taken for a dead one, and on a good network a dead one is found soon. Pure.
 */

/** Packets that should have come, and how late they were. @category models @since 0.1.0 */
export interface LossEstimate {
  /** Packets that have come or are lost; old ones count less and less. */
  readonly expected: number
  readonly lost: number
  /** How often packets were lost, several in a row as once. */
  readonly lossBursts: number
  /** Milliseconds a packet usually comes later than promised. */
  readonly latenessMillis: number
}

/** Nothing is known yet. @category constants @since 0.1.0 */
export const empty: LossEstimate = { expected: 0, lost: 0, lossBursts: 0, latenessMillis: 0 }

/** So many packets are remembered; what is older fades. */
const memoryPackets = { peer: 200, network: 2_000 } as const

/** The network's record stands for so many packets of a peer of which little is known. */
const priorPackets = 20

/** So many losses have to be seen until a peer's own count as much as the belief that they do not come in bursts. */
const priorLosses = 40

/** False alarms that are accepted: one in 20 million heartbeats, or in eight months of one a second. */
const maxFalseAlarmRate = 5e-8

/** Milliseconds that are no lateness. */
const minLatenessMillis = 0.1

/** Adds `lost` packets and then one that came. @category combinators @since 0.1.0 */
export const addReceived = (
  estimate: LossEstimate,
  lost: number,
  lateMillis: number,
  scope: keyof typeof memoryPackets = "peer"
): LossEstimate => {
  // A good record that is full is as it was.
  if (lost + lateMillis + estimate.lost + estimate.latenessMillis === 0 && estimate.expected >= memoryPackets[scope])
    return estimate
  const expected = estimate.expected + lost + 1
  const fade = expected > memoryPackets[scope] ? memoryPackets[scope] / expected : 1
  // Quick to believe in lateness, slow to forget it (compare RFC 6298, 2.3).
  const latenessMillis =
    estimate.latenessMillis + (lateMillis - estimate.latenessMillis) / (lateMillis > estimate.latenessMillis ? 4 : 32)
  return {
    expected: expected * fade,
    lost: (estimate.lost + lost) * fade,
    lossBursts: (estimate.lossBursts + (lost > 0 ? 1 : 0)) * fade,
    latenessMillis: latenessMillis < minLatenessMillis ? 0 : latenessMillis
  }
}

/** A packet that was counted as lost has only been overtaken. @category combinators @since 0.1.0 */
export const retractLoss = (estimate: LossEstimate): LossEstimate => {
  const lost = Math.max(0, estimate.lost - 1)
  return { ...estimate, lost, lossBursts: Math.min(estimate.lossBursts, lost) }
}

/**
 * The part of a peer's packets that get lost, 0 to 1: its own record, filled up with that of the whole network while
 * it is short.
 *
 * @category getters
 * @since 0.1.0
 */
export const lossRate = (own: LossEstimate, network: LossEstimate): number => {
  const networkRate = network.lost / Math.max(1, network.expected)
  return (own.lost + priorPackets * networkRate) / (own.expected + priorPackets)
}

/** How patient a table is. @category models @since 0.1.0 */
export interface SuspicionThresholds {
  /** Heartbeats missed until a peer is suspect, where nothing gets lost. */
  readonly suspectAfter: number
  /** Heartbeats missed until it is down, where nothing gets lost. */
  readonly downAfter: number
  /** The most heartbeats that may be missed, whatever the loss. */
  readonly maxMissed: number
}

/** A chance that was measured, and one standard error more. */
const upperEstimate = (probability: number, trials: number) =>
  Math.min(0.99, probability + Math.sqrt((probability * (1 - probability)) / trials))

/**
 * Heartbeats missed until a peer is down: as many as make a false alarm rare enough at its loss, and where losses come
 * in bursts, more. In a chain of two states (Gilbert 1960) n in a row are lost with the chance that one is, times
 * n - 1 times the chance that after a lost one the next is lost, too.
 *
 * @category getters
 * @since 0.1.0
 */
export const missesUntilDown = (
  own: LossEstimate,
  network: LossEstimate,
  { downAfter, maxMissed }: SuspicionThresholds
): number => {
  const rate = lossRate(own, network)
  if (rate <= 0) return downAfter
  const repeatRate = (own.lost - own.lossBursts + priorLosses * rate) / (own.lost + priorLosses)
  const first = upperEstimate(rate, own.expected + priorPackets)
  const further = Math.max(first, upperEstimate(repeatRate, own.lost + priorLosses))
  const needed = Math.ceil(1 + Math.log(maxFalseAlarmRate / first) / Math.log(further))
  return Math.min(Math.max(needed, downAfter), Math.max(maxMissed, downAfter))
}

/**
 * Silence after which a peer is suspect, and after which it is down: milliseconds since it was heard.
 *
 * @category getters
 * @since 0.1.0
 */
export const deadlines = (
  interval: number,
  own: LossEstimate,
  network: LossEstimate,
  thresholds: SuspicionThresholds
) => {
  const misses = missesUntilDown(own, network, thresholds)
  const latenessMillis = Math.min(4 * own.latenessMillis, thresholds.downAfter * interval)
  const suspectFraction = Math.min(1, thresholds.suspectAfter / thresholds.downAfter)
  return { suspect: misses * interval * suspectFraction + latenessMillis, down: misses * interval + latenessMillis }
}
