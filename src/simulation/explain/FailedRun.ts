/** A failed run with all that is known of it: what the files of a failure are made from. */
import type * as Explanation from "./Explanation.ts"

/** A run that is shown beside the failed one. */
export interface OtherRun {
  readonly events: Explanation.Run["events"]
  readonly omittedEvents: number
  /** End of the run, in virtual nanoseconds. */
  readonly endNanos: number
  /** End of the run as a part of a sentence: `passes`. */
  readonly ending: string
}

/** A failure with the events of its runs. */
export interface FailedRun extends Explanation.Failure {
  readonly seed: number
  /** Events of the second run of the same seed, if the two differ. */
  readonly second?: Explanation.Run["events"] | undefined
  /** The run of the same seed and input without faults and preemptions, if it was made. */
  readonly faultless?: OtherRun | undefined
}
