/** Why a scenario does not hold, and the line that shows it again. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type * as FaultPlan from "./faults/FaultPlan.ts"
import * as FaultPlanSyntax from "./faults/FaultPlanSyntax.ts"

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`

/** The scenario failed, or a program on one of its hosts. @category errors @since 0.1.0 */
export class Failed extends Data.TaggedClass("Failed")<{ readonly cause: Cause.Cause<unknown> }> {
  get message(): string {
    const error = Cause.squash(this.cause)
    if (!(error instanceof Error)) return `it failed with ${JSON.stringify(error)}`
    return error.name === "Error" ? error.message : `${error.name}: ${error.message}`
  }
}

/** Nothing was left to happen, and the scenario still waited. @category errors @since 0.1.0 */
export class Deadlock extends Data.TaggedClass("Deadlock") {
  get message(): string {
    return "the scenario waits for something that will never happen"
  }
}

/** The scenario had not ended when its time was over. @category errors @since 0.1.0 */
export class DeadlineExceeded extends Data.TaggedClass("DeadlineExceeded") {
  get message(): string {
    return "the scenario had not ended at its deadline"
  }
}

/** Something outlived the scenario's scope. @category errors @since 0.1.0 */
export class Leaked extends Data.TaggedClass("Leaked")<{ readonly sockets: number; readonly timers: number }> {
  get message(): string {
    return `the programs left ${plural(this.sockets, "socket")} and ${plural(this.timers, "timer")} behind`
  }
}

/** The same seed gave another run: something does not come from `Clock` and `Random`. @category errors @since 0.1.0 */
export class Nondeterministic extends Data.TaggedClass("Nondeterministic")<{
  /** Where the two runs part. */
  readonly at: string
}> {
  get message(): string {
    return `two runs of one seed differ: ${this.at}; chance and time must come from Random and Clock`
  }
}

/** Rules of the plan that hit nothing in any run. @category errors @since 0.1.0 */
export class UnusedRules extends Data.TaggedClass("UnusedRules")<{ readonly rules: FaultPlan.FaultPlan }> {
  get message(): string {
    return `nothing was hit by ${FaultPlanSyntax.format(this.rules)}: the runs say nothing about it`
  }
}

/** States that no run reached. @category errors @since 0.1.0 */
export class NeverReached extends Data.TaggedClass("NeverReached")<{ readonly labels: ReadonlyArray<string> }> {
  get message(): string {
    return `no run reached ${this.labels.map((label) => JSON.stringify(label)).join(", ")}`
  }
}

/** What the environment or the options say cannot be used. @category errors @since 0.1.0 */
export class Misconfigured extends Data.TaggedClass("Misconfigured")<{
  readonly message: string
  readonly cause: unknown
}> {}

/** A failing run, made as small as it gets. @category models @since 0.1.0 */
export interface Failure {
  readonly seed: number
  /** The faults it takes, without chance where that can be told. */
  readonly plan: FaultPlan.FaultPlan
  /** The plan of the run that failed first. */
  readonly original: FaultPlan.FaultPlan
  /** When the small run ended, in virtual nanoseconds. */
  readonly time: number
  /** How often a fault was applied in it. */
  readonly faults: number
}

/** A plan as `SIM_PLAN` takes it. */
const shellQuoted = (plan: FaultPlan.FaultPlan) => (plan.length === 0 ? "none" : `'${FaultPlanSyntax.format(plan)}'`)

/** What to put before a command so that it makes this run only. @category combinators @since 0.1.0 */
export const replay = ({ plan, seed }: Pick<Failure, "plan" | "seed">): string =>
  `SIM_SEED=${seed} SIM_PLAN=${shellQuoted(plan)}`

/** A scenario does not hold; `failure` is there where it takes only one run to see it. @category errors @since 0.1.0 */
export class SimulationError extends Data.TaggedError("SimulationError")<{
  readonly reason: Failed | Deadlock | DeadlineExceeded | Leaked | Nondeterministic | UnusedRules | NeverReached | Misconfigured
  readonly failure?: Failure | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    if (this.failure === undefined) return this.reason.message
    const { faults, time } = this.failure
    const when = `at ${time / 1e9}s, after ${faults === 0 ? "no fault" : plural(faults, "fault")}`
    return `${this.reason.message} (${when})\n  ${replay(this.failure)}`
  }
}
