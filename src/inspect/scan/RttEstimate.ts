/** Estimate of the round-trip time to a host, and the timeout that follows from it (RFC 6298). Pure. */

/** Estimate after one sample or more. */
export interface RttEstimate {
  readonly smoothedMillis: number
  readonly variationMillis: number
}

/** Limits of a timeout. */
export interface Limits {
  /** Timeout before the first sample. */
  readonly initialMillis: number
  readonly minMillis: number
  readonly maxMillis: number
}

/** Adds a sample (RFC 6298, section 2). */
export const update = (estimate: RttEstimate | undefined, sampleMillis: number): RttEstimate =>
  estimate === undefined
    ? { smoothedMillis: sampleMillis, variationMillis: sampleMillis / 2 }
    : {
        smoothedMillis: (7 * estimate.smoothedMillis + sampleMillis) / 8,
        variationMillis: (3 * estimate.variationMillis + Math.abs(estimate.smoothedMillis - sampleMillis)) / 4
      }

/** Returns the timeout of a test, doubled for each try after the first one. */
export const timeoutMillis = (estimate: RttEstimate | undefined, tries: number, limits: Limits): number => {
  const base =
    estimate === undefined
      ? limits.initialMillis
      : Math.max(limits.minMillis, estimate.smoothedMillis + 4 * estimate.variationMillis)
  return Math.min(limits.maxMillis, base * 2 ** (tries - 1))
}
