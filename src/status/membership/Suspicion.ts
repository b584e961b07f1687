/**
 * Adaptive failure detection: the silence after which a peer is suspect or down, from the measured loss and lateness. A
 * lossy network or a busy peer does not cause false alarms, and on a good network a failed peer is detected soon. Pure.
 *
 * **Example** (Compare a good network with one that loses every fifth packet)
 *
 * ```ts
 * import { Suspicion } from "effect-inet/status"
 *
 * const thresholds = { suspectAfter: 3, downAfter: 5, maxMissed: 30 }
 * Suspicion.missesUntilDown(Suspicion.empty, Suspicion.empty, thresholds) // => 5
 *
 * let estimate = Suspicion.empty
 * for (let packet = 0; packet < 40; packet++) estimate = Suspicion.addReceived(estimate, packet % 4 === 0 ? 1 : 0, 0)
 * Suspicion.lossRate(estimate, estimate) // => 0.2
 * Suspicion.missesUntilDown(estimate, estimate, thresholds) > 10 // => true
 * ```
 */

/** Estimate of packet loss and lateness. @category models @since 0.1.0 */
export interface LossEstimate {
  /** Packets expected, received or lost; older ones have less weight. */
  readonly expected: number
  readonly lost: number
  /** Runs of consecutive lost packets. */
  readonly lossBursts: number
  /** Typical delay of a packet after its announced time. */
  readonly latenessMillis: number
}

/** The estimate before the first packet. @category constants @since 0.1.0 */
export const empty: LossEstimate = { expected: 0, lost: 0, lossBursts: 0, latenessMillis: 0 }

/** Packets that an estimate covers; older ones fade out. */
const memoryPackets = { peer: 200, network: 2_000 } as const

/** Packets of a peer for which the network's estimate stands in while the peer's own is short. */
const priorPackets = 20

/** Losses that weigh as much as the prior assumption that losses are independent. */
const priorLosses = 40

/** Accepted rate of false alarms: one in 20 million heartbeats, which is one in eight months at one a second. */
const maxFalseAlarmRate = 5e-8

/** Lateness below this counts as none. */
const minLatenessMillis = 0.1

/** Adds `lost` packets and then one received packet. @category combinators @since 0.1.0 */
export const addReceived = (
  estimate: LossEstimate,
  lost: number,
  lateMillis: number,
  scope: keyof typeof memoryPackets = "peer"
): LossEstimate => {
  // A full estimate without loss and lateness stays the same object.
  if (lost + lateMillis + estimate.lost + estimate.latenessMillis === 0 && estimate.expected >= memoryPackets[scope])
    return estimate
  const expected = estimate.expected + lost + 1
  const fade = expected > memoryPackets[scope] ? memoryPackets[scope] / expected : 1
  // Lateness rises quickly and falls slowly (compare RFC 6298, 2.3).
  const latenessMillis =
    estimate.latenessMillis + (lateMillis - estimate.latenessMillis) / (lateMillis > estimate.latenessMillis ? 4 : 32)
  return {
    expected: expected * fade,
    lost: (estimate.lost + lost) * fade,
    lossBursts: (estimate.lossBursts + (lost > 0 ? 1 : 0)) * fade,
    latenessMillis: latenessMillis < minLatenessMillis ? 0 : latenessMillis
  }
}

/** Removes a loss: the packet was only overtaken. @category combinators @since 0.1.0 */
export const retractLoss = (estimate: LossEstimate): LossEstimate => {
  const lost = Math.max(0, estimate.lost - 1)
  return { ...estimate, lost, lossBursts: Math.min(estimate.lossBursts, lost) }
}

/**
 * Returns the loss rate of a peer, 0 to 1: its own estimate, complemented by that of the network while its own is
 * short.
 *
 * @category getters
 * @since 0.1.0
 */
export const lossRate = (own: LossEstimate, network: LossEstimate): number => {
  const networkRate = network.lost / Math.max(1, network.expected)
  return (own.lost + priorPackets * networkRate) / (own.expected + priorPackets)
}

/** Thresholds of failure detection, in missed heartbeats. @category models @since 0.1.0 */
export interface SuspicionThresholds {
  /** Missed heartbeats after which a peer is suspect, without packet loss. */
  readonly suspectAfter: number
  /** Missed heartbeats after which a peer is down, without packet loss. */
  readonly downAfter: number
  /** Largest number of missed heartbeats before `down`, at any packet loss. */
  readonly maxMissed: number
}

/** Returns a measured probability plus one standard error. */
const upperEstimate = (probability: number, trials: number) =>
  Math.min(0.99, probability + Math.sqrt((probability * (1 - probability)) / trials))

/**
 * Returns the missed heartbeats after which a peer is down. Their number makes a false alarm rare at its loss rate, and
 * grows if losses come in bursts. In a two-state chain (Gilbert 1960), n losses in a row have the probability of one
 * loss, times the probability of a loss after a loss to the power of n - 1.
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
 * Returns the silence after which a peer is suspect, and after which it is down, in milliseconds since its latest
 * packet.
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
