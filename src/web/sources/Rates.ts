/** Rates over the last second, from counters that are sampled at irregular times. A state record and a pure step. */

interface Sample {
  readonly atMillis: number
  readonly value: number
}

/** The samples of each counter that a later rate may need, the oldest first. */
export type State = ReadonlyMap<number, ReadonlyArray<Sample>>

/** The state before the first sample. */
export const initial: State = new Map()

/** The time over which a rate is measured. */
const windowMillis = 1_000

/** The age of samples that are not used any more: there were none for some time. */
const maxAgeMillis = 3_000

/** Returns the samples from the last one that is as old as the window. */
const withinWindow = (samples: ReadonlyArray<Sample>, nowMillis: number) => {
  const fresh = samples.filter(({ atMillis }) => atMillis >= nowMillis - maxAgeMillis)
  const first = fresh.findLastIndex(({ atMillis }) => atMillis <= nowMillis - windowMillis)
  return first === -1 ? fresh : fresh.slice(first)
}

/**
 * Takes a sample of each counter, and returns its growth in a second. A counter without an earlier sample has no rate,
 * and one without a sample is forgotten.
 */
export const step = (
  state: State,
  nowMillis: number,
  counters: Iterable<readonly [id: number, value: number]>
): readonly [State, ReadonlyMap<number, number>] => {
  const next = new Map<number, ReadonlyArray<Sample>>()
  const rates = new Map<number, number>()
  for (const [id, value] of counters) {
    const samples = withinWindow(state.get(id) ?? [], nowMillis)
    const oldest = samples[0]
    next.set(id, [...samples, { atMillis: nowMillis, value }])
    if (oldest === undefined || oldest.atMillis === nowMillis) continue
    rates.set(id, (Math.max(0, value - oldest.value) * 1_000) / (nowMillis - oldest.atMillis))
  }
  return [next, rates]
}
