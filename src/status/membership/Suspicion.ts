/**
 * How long a silent peer is believed to be alive: by the loss and the lateness that were measured, so that neither a
 * bad network nor a busy peer is taken for a dead one, and on a good network a dead one is found soon. Pure.
 */

/** Packets that should have come, and how late they were. @category models @since 0.1.0 */
export interface Record {
  /** Packets that have come or are lost; old ones count less and less. */
  readonly seen: number
  readonly lost: number
  /** How often packets were lost, several in a row as once. */
  readonly gaps: number
  /** Milliseconds a packet usually comes later than promised. */
  readonly lateness: number
}

/** Nothing is known yet. @category constants @since 0.1.0 */
export const empty: Record = { seen: 0, lost: 0, gaps: 0, lateness: 0 }

/** So many packets are remembered; what is older fades. */
const memory = { peer: 200, network: 2_000 } as const

/** The network's record stands for so many packets of a peer of which little is known. */
const weight = 20

/** So many losses have to be seen until a peer's own count as much as the belief that they do not come in bursts. */
const doubt = 40

/** False alarms that are accepted: one in 20 million heartbeats, or in eight months of one a second. */
const acceptable = 5e-8

/** Milliseconds that are no lateness. */
const prompt = 0.1

/** Adds `lost` packets and then one that came. @category combinators @since 0.1.0 */
export const heard = (record: Record, lost: number, late: number, keep: keyof typeof memory = "peer"): Record => {
  // A good record that is full is as it was.
  if (lost + late + record.lost + record.lateness === 0 && record.seen >= memory[keep]) return record
  const seen = record.seen + lost + 1
  const fade = seen > memory[keep] ? memory[keep] / seen : 1
  // Quick to believe in lateness, slow to forget it (compare RFC 6298, 2.3).
  const lateness = record.lateness + (late - record.lateness) / (late > record.lateness ? 4 : 32)
  return {
    seen: seen * fade,
    lost: (record.lost + lost) * fade,
    gaps: (record.gaps + (lost > 0 ? 1 : 0)) * fade,
    lateness: lateness < prompt ? 0 : lateness
  }
}

/** A packet that was counted as lost has only been overtaken. @category combinators @since 0.1.0 */
export const found = (record: Record): Record => {
  const lost = Math.max(0, record.lost - 1)
  return { ...record, lost, gaps: Math.min(record.gaps, lost) }
}

/**
 * The part of a peer's packets that get lost, 0 to 1: its own record, filled up with that of the whole network while
 * it is short.
 *
 * @category getters
 * @since 0.1.0
 */
export const loss = (own: Record, network: Record): number => {
  const usual = network.lost / Math.max(1, network.seen)
  return (own.lost + weight * usual) / (own.seen + weight)
}

/** How patient a table is. @category models @since 0.1.0 */
export interface Patience {
  /** Heartbeats missed until a peer is suspect, where nothing gets lost. */
  readonly suspectAfter: number
  /** Heartbeats missed until it is down, where nothing gets lost. */
  readonly downAfter: number
  /** The most heartbeats that may be missed, whatever the loss. */
  readonly most: number
}

/** A chance that was measured, and one standard error more. */
const cautious = (chance: number, trials: number) =>
  Math.min(0.99, chance + Math.sqrt((chance * (1 - chance)) / trials))

/**
 * Heartbeats missed until a peer is down: as many as make a false alarm rare enough at its loss, and where losses come
 * in bursts, more. In a chain of two states (Gilbert 1960) n in a row are lost with the chance that one is, times
 * n - 1 times the chance that after a lost one the next is lost, too.
 *
 * @category getters
 * @since 0.1.0
 */
export const missesUntilDown = (own: Record, network: Record, { downAfter, most }: Patience): number => {
  const rate = loss(own, network)
  if (rate <= 0) return downAfter
  const again = (own.lost - own.gaps + doubt * rate) / (own.lost + doubt)
  const first = cautious(rate, own.seen + weight)
  const further = Math.max(first, cautious(again, own.lost + doubt))
  const needed = Math.ceil(1 + Math.log(acceptable / first) / Math.log(further))
  return Math.min(Math.max(needed, downAfter), Math.max(most, downAfter))
}

/**
 * Silence after which a peer is suspect, and after which it is down: milliseconds since it was heard.
 *
 * @category getters
 * @since 0.1.0
 */
export const deadlines = (interval: number, own: Record, network: Record, patience: Patience) => {
  const misses = missesUntilDown(own, network, patience)
  const late = Math.min(4 * own.lateness, patience.downAfter * interval)
  const part = Math.min(1, patience.suspectAfter / patience.downAfter)
  return { suspect: misses * interval * part + late, down: misses * interval + late }
}
