/**
 * Corpus of an exploration: the runs that reached something new, and how often each feature was reached.
 *
 * Each feature has one run that represents it, the one with the fewest faults. A run that represents none is dropped.
 */
import type { RunFeatures } from "./RunFeatures.ts"

/** All that decides a run: its seed, the seed of its input, and its fault plan as text. */
export interface Entry {
  readonly seed: number
  readonly inputSeed: number
  readonly plan: string
}

/** A run of the corpus. */
interface Member {
  readonly entry: Entry
  readonly rules: number
  /** Number of features that it represents. */
  represented: number
}

interface Feature {
  readonly id: number
  /** Number of runs that had it. */
  hits: number
  member: Member
}

/** Features of one kind, by their hash and in the order of their first run. */
interface FeatureTable {
  readonly byId: Map<number, Feature>
  readonly all: Array<Feature>
}

/** Corpus with its features, which changes in place. */
export interface Corpus {
  readonly states: FeatureTable
  readonly details: FeatureTable
  readonly members: Set<Member>
}

export const make = (): Corpus => ({
  states: { byId: new Map(), all: [] },
  details: { byId: new Map(), all: [] },
  members: new Set()
})

const isNew = ({ byId }: FeatureTable, features: ReadonlySet<number>) => {
  for (const id of features) if (!byId.has(id)) return true
  return false
}

/** Makes a run represent a feature, if it is new or the run has fewer rules. */
const represent = (self: Corpus, table: FeatureTable, id: number, member: Member) => {
  const known = table.byId.get(id)
  if (known === undefined) {
    const feature: Feature = { id, hits: 1, member }
    table.byId.set(id, feature)
    table.all.push(feature)
    member.represented++
    return
  }
  known.hits++
  if (member.rules >= known.member.rules) return
  if (--known.member.represented === 0) self.members.delete(known.member)
  known.member = member
  member.represented++
}

const countHits = ({ byId }: FeatureTable, features: ReadonlySet<number>) => {
  for (const id of features) byId.get(id)!.hits++
}

/** Counts the features of a run; adds the run if it has a new one, and returns the kind of that. */
export const add = (
  self: Corpus,
  entry: Entry,
  rules: number,
  { details, states }: RunFeatures
): "state" | "detail" | undefined => {
  const found = isNew(self.states, states) ? "state" : isNew(self.details, details) ? "detail" : undefined
  if (found === undefined) {
    countHits(self.states, states)
    countHits(self.details, details)
    return undefined
  }
  const member: Member = { entry, rules, represented: 0 }
  self.members.add(member)
  for (const id of states) represent(self, self.states, id, member)
  for (const id of details) represent(self, self.details, id, member)
  return found
}

/** Number of features among which the rarest is taken. */
const tournamentSize = 3

/** Draws an entry of the corpus: mostly one with a rare state, otherwise one with a rare detail. */
export const draw = ({ details, states }: Corpus, random: () => number): Entry | undefined => {
  const table = states.all.length > 0 && (details.all.length === 0 || random() < 0.8) ? states : details
  let rarest: Feature | undefined
  for (let i = 0; i < tournamentSize && table.all.length > 0; i++) {
    const feature = table.all[Math.floor(random() * table.all.length)]!
    if (rarest === undefined || feature.hits < rarest.hits) rarest = feature
  }
  return rarest?.member.entry
}

/** Returns the entries, in the order in which they were added. */
export const entries = ({ members }: Corpus): ReadonlyArray<Entry> => Array.from(members, ({ entry }) => entry)

/** Returns the number of features. */
export const features = ({ details, states }: Corpus): number => details.all.length + states.all.length
