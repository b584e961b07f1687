/** Messages between a sweep and its worker threads. */
import type * as Coverage from "../../src/simulation/check/Coverage.ts"
import type { Entry } from "../../src/simulation/explore/Corpus.ts"

/** Asks a worker to explore a suite for some time. */
export interface Slice {
  readonly name: string
  readonly isPlanted: boolean
  readonly millis: number
  /** First seed, if the worker has not explored the suite yet. */
  readonly seed: number
  /** Runs of earlier sweeps or of other workers, which are repeated first. */
  readonly imports: ReadonlyArray<Entry>
}

/** Result of a slice. */
export interface SliceResult {
  readonly name: string
  readonly runs: number
  readonly realMillis: number
  /** Runs that reached something new in this worker. */
  readonly found: ReadonlyArray<Entry>
  /** Imports that reached nothing new. */
  readonly useless: ReadonlyArray<Entry>
  /** Number of features that this worker knows. */
  readonly features: number
  /** States and faults of all runs of the suite in this worker. */
  readonly coverage: ReadonlyArray<Coverage.Row>
  readonly failure: { readonly text: string; readonly entry: Entry | undefined } | undefined
}
