/** A failed run with all that is known of it: what the files of a failure are made from. */
import type * as Explanation from "./Explanation.ts"

/** A failure with the events of its runs. */
export interface FailedRun extends Explanation.Failure {
  readonly seed: number
  /** Events of the second run of the same seed, if the two differ. */
  readonly second?: Explanation.Run["events"] | undefined
}
