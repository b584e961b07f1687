/** Selection of packets, or of operations on a disk: by their number and by chance, and by a window of time. */
import type * as FaultPlan from "./FaultPlan.ts"
import * as FaultRandom from "./FaultRandom.ts"

/** Probabilities of selecting a match, after one that was selected and after one that was not. */
interface Chain {
  readonly afterHit: number
  readonly afterMiss: number
}

/** State of the selection of a rule. Times are nanoseconds since the start of the plan. */
export interface Selection {
  readonly windowStart: number
  /** Exclusive. */
  readonly windowEnd: number
  /** Numbers of the matches, from 1, that the rule applies to. */
  readonly firstNth: number
  readonly lastNth: number
  /** Probability that the rule applies to a match; 1 if the rule has no rate. */
  readonly probability: number
  /** Undefined if choices are independent. */
  readonly chain: Chain | undefined
  readonly randomKey: number
  /** True if the last choice of a chain selected its match. */
  wasHit: boolean
  /** Number of matches. */
  matched: number
  /** Time of the last match that the rule can apply to. */
  exhaustedAt: number | undefined
}

/**
 * Returns the chain of a rule whose choices depend on each other: a Markov chain with two states, after Gilbert. Its
 * mean rate is that of the rule. A burst ends after each of its packets with the same probability; correlation is that
 * of two choices in a row. The formula of netem's `loss` changes the rate.
 */
const chainOf = ({ burst, correlation, percent = 100 }: FaultPlan.Chance): Chain | undefined => {
  const rate = percent / 100
  if (rate === 1 || (burst === undefined && correlation === undefined)) return undefined
  if (burst !== undefined) return { afterHit: 1 - 1 / burst, afterMiss: rate / (burst * (1 - rate)) }
  const part = correlation! / 100
  return { afterHit: rate + part * (1 - rate), afterMiss: rate * (1 - part) }
}

/** Creates the selection of a rule; its random choices are those of the key. */
export const make = (chance: FaultPlan.Chance, window: FaultPlan.Window | undefined, randomKey: number): Selection => ({
  windowStart: window?.from ?? 0,
  windowEnd: window?.to ?? Number.POSITIVE_INFINITY,
  firstNth: chance.nth?.from ?? 1,
  lastNth: chance.nth === undefined ? Number.POSITIVE_INFINITY : (chance.nth.to ?? Number.POSITIVE_INFINITY),
  probability: (chance.percent ?? 100) / 100,
  chain: chainOf(chance),
  randomKey,
  wasHit: false,
  matched: 0,
  exhaustedAt: undefined
})

export const isInWindow = ({ windowEnd, windowStart }: Selection, now: number): boolean =>
  now >= windowStart && now < windowEnd

/** Counts a match; returns its number, from 1. */
export const count = (selection: Selection, now: number): number => {
  const n = ++selection.matched
  if (n === selection.lastNth) selection.exhaustedAt = now
  return n
}

/** Returns true if a rule applies to its nth match: a random choice if the rule has a rate. Call it for each match. */
export const applies = (selection: Selection, n: number): boolean => {
  const { chain, firstNth, lastNth, probability, randomKey } = selection
  if (n < firstNth || n > lastNth) return false
  if (probability === 1) return true
  if (chain === undefined) return FaultRandom.draw(randomKey, n, 0) < probability
  const chance = n === firstNth ? probability : selection.wasHit ? chain.afterHit : chain.afterMiss
  selection.wasHit = FaultRandom.draw(randomKey, n, 0) < chance
  return selection.wasHit
}
