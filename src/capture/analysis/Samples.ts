/**
 * Samples of a distribution in constant memory: minimum and maximum are exact, the median is that of evenly spaced
 * samples. Pure.
 *
 * The samples are all of them, up to `maxSamples`; then every second one is dropped, and every second one of the
 * following is kept, and so on.
 */

/** Maximum number of samples that are kept. */
export const maxSamples = 128

/** A distribution so far. */
export interface Samples {
  readonly count: number
  readonly min: number
  readonly max: number
  /** Every `stride`-th value is kept. */
  readonly stride: number
  readonly kept: ReadonlyArray<number>
}

/** No samples. */
export const empty: Samples = {
  count: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  stride: 1,
  kept: []
}

/** Adds a value. */
export const add = (samples: Samples, value: number): Samples => {
  const { count, stride } = samples
  const next = { count: count + 1, min: Math.min(samples.min, value), max: Math.max(samples.max, value) }
  if (count % stride !== 0) return { ...next, stride, kept: samples.kept }
  const kept = [...samples.kept, value]
  return kept.length <= maxSamples
    ? { ...next, stride, kept }
    : { ...next, stride: stride * 2, kept: kept.filter((_, at) => at % 2 === 0) }
}

/** Returns the median of the kept samples; undefined without samples. */
export const median = ({ kept }: Samples): number | undefined => {
  const sorted = kept.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return undefined
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2
}
