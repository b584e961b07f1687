/** Executes the rules of a plan about disks: returns the fault of each operation. */
import * as FaultDuration from "./FaultDuration.ts"
import type * as FaultPlan from "./FaultPlan.ts"
import * as FaultSelection from "./FaultSelection.ts"

/** A fault of one operation on a disk: it fails, or takes longer, or both. @category models @since 0.1.0 */
export interface DiskFault {
  readonly error?: "EIO" | "ENOSPC"
  readonly delayNanos: number
}

/** A fault with its drawn values, and the number of its operation among all that match. */
interface AppliedFault {
  readonly fault: FaultPlan.DiskRule
  readonly nth: number
}

/** State of a disk rule in execution. */
export interface DiskState extends FaultSelection.Selection {
  readonly rule: FaultPlan.DiskRule
  /** Index of the rule in the plan. */
  readonly index: number
  /** Undefined for all operations. */
  readonly operation: FaultPlan.DiskOperation | undefined
  readonly isRandom: boolean
  /** Random faults applied so far; undefined if there are too many to record. */
  applied: Array<AppliedFault> | undefined
}

/** Creates the state of a rule. */
export const makeState = (rule: FaultPlan.DiskRule, index: number, randomKey: number): DiskState => ({
  ...FaultSelection.make(rule, rule.window, randomKey),
  rule,
  index,
  operation: rule.action === "disk-full" ? "write" : rule.operation,
  isRandom: (rule.percent ?? 100) < 100 || (rule.action === "disk-slow" && !FaultDuration.isFixed(rule.by)),
  applied: []
})

const matches = (state: DiskState, host: string, operation: FaultPlan.DiskOperation, now: number) =>
  state.rule.host === host &&
  (state.operation === undefined || state.operation === operation) &&
  FaultSelection.isInWindow(state, now)

const record = (state: DiskState, fault: FaultPlan.DiskRule, nth: number, maxRecorded: number) => {
  if (!state.isRandom || state.applied === undefined) return
  state.applied.push({ fault, nth })
  if (state.applied.length > maxRecorded) state.applied = undefined
}

/**
 * Returns the fault of an operation, and counts it in the states of the rules. After an error no further rule applies;
 * each still counts the operation.
 */
export const decide = (
  states: ReadonlyArray<DiskState>,
  host: string,
  operation: FaultPlan.DiskOperation,
  now: number,
  onApplied: (index: number) => void,
  maxRecorded: number
): DiskFault | undefined => {
  let error: DiskFault["error"]
  let delayNanos: number | undefined
  for (const state of states) {
    if (!matches(state, host, operation, now)) continue
    const n = FaultSelection.count(state, now)
    if (!FaultSelection.applies(state, n) || error !== undefined) continue
    const { rule } = state
    onApplied(state.index)
    if (rule.action === "disk-slow") {
      const time = FaultDuration.draw(rule.by, state.randomKey, n)
      delayNanos = (delayNanos ?? 0) + time
      record(state, { ...rule, by: FaultDuration.exactly(time) }, n, maxRecorded)
    } else {
      error = rule.action === "disk-full" ? "ENOSPC" : "EIO"
      record(state, rule, n, maxRecorded)
    }
  }
  if (error !== undefined) return { error, delayNanos: delayNanos ?? 0 }
  return delayNanos === undefined ? undefined : { delayNanos }
}

/** Returns the rule that applies the recorded fault to its one operation. */
export const concreteRule = ({ fault, nth }: AppliedFault): FaultPlan.DiskRule => {
  const { burst: _burst, correlation: _correlation, percent: _percent, ...rule } = fault
  return { ...rule, nth: { from: nth, to: nth } }
}
