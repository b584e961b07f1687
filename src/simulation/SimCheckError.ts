/** Errors of a check: the reason, and the command line that repeats the failing run. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as CanonicalText from "./check/CanonicalText.ts"
import * as Explanation from "./explain/Explanation.ts"
import * as TestCommand from "./explain/TestCommand.ts"
import type * as FaultPlan from "./faults/FaultPlan.ts"
import * as FaultPlanSyntax from "./faults/FaultPlanSyntax.ts"

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`

/** The scenario failed, or a program on one of its hosts did. @category errors @since 0.1.0 */
export class Failed extends Data.TaggedClass("Failed")<{ readonly cause: Cause.Cause<unknown> }> {
  get message(): string {
    return CanonicalText.describeError(Cause.squash(this.cause), "the scenario failed with")
  }
}

/** A function of the host that a program called and that is not simulated. @category models @since 0.1.0 */
export interface PlatformCall {
  /** Name of the function, such as `fetch`; `promise` for a promise that is not settled. */
  readonly name: string
  /** Places in the program, the innermost first. */
  readonly stack: ReadonlyArray<string>
}

/** Calls, and places of each, that a message shows. */
const [maxCalls, maxPlaces] = [3, 4]

const formatCalls = (all: ReadonlyArray<PlatformCall> = []): ReadonlyArray<string> => {
  const located = all.filter(({ stack }) => stack.length > 0)
  const calls = located.length > 0 ? located : all
  const shown = calls
    .slice(0, maxCalls)
    .flatMap(({ name, stack }) => [
      `  not simulated: ${name}`,
      ...stack.slice(0, maxPlaces).map((place) => `    ${place}`)
    ])
  return calls.length > maxCalls ? [...shown, `  and ${plural(calls.length - maxCalls, "other call")}`] : shown
}

/** No event was left and the scenario still waited. @category errors @since 0.1.0 */
export class Deadlock extends Data.TaggedClass("Deadlock")<{
  /** Promises that are not settled, and calls that are not simulated. */
  readonly calls?: ReadonlyArray<PlatformCall> | undefined
}> {
  get message(): string {
    return ["deadlock: no event is left, and the scenario still waits", ...formatCalls(this.calls)].join("\n")
  }
}

/** The scenario had not ended at its deadline. @category errors @since 0.1.0 */
export class DeadlineExceeded extends Data.TaggedClass("DeadlineExceeded") {
  get message(): string {
    return "deadline exceeded: the scenario had not ended; raise `deadline`, or bound what it waits for"
  }
}

/** Sockets or timers outlived the scope of the scenario. @category errors @since 0.1.0 */
export class Leaked extends Data.TaggedClass("Leaked")<{ readonly sockets: number; readonly timers: number }> {
  get message(): string {
    const { sockets, timers } = this
    const resources = `${plural(sockets, "socket")} and ${plural(timers, "timer")}`
    return `leak: ${resources} outlived the scenario; close them in its scope`
  }
}

/** The same seed gave a different run: something does not use `Clock` or `Random`. @category errors @since 0.1.0 */
export class Nondeterministic extends Data.TaggedClass("Nondeterministic")<{
  /** The first difference between the two runs, in a part of a sentence. */
  readonly at: string
  /** Lines with the content of each run there. */
  readonly lines?: ReadonlyArray<string> | undefined
  /** Calls of the second run that are not simulated. */
  readonly calls?: ReadonlyArray<PlatformCall> | undefined
}> {
  get message(): string {
    const fix = "use Random and Clock for random numbers and time"
    const summary = `not deterministic: two runs of one seed differ; ${fix}`
    const difference = [this.at, ...(this.lines ?? [])].map((line) => `  ${line}`)
    return [summary, ...difference, ...formatCalls(this.calls)].join("\n")
  }
}

/** Rules of the plan that never applied in any run. @category errors @since 0.1.0 */
export class UnusedRules extends Data.TaggedClass("UnusedRules")<{ readonly rules: FaultPlan.FaultPlan }> {
  get message(): string {
    return `rules never applied: ${FaultPlanSyntax.format(this.rules)}; the runs do not test them`
  }
}

/** States that no run reached. @category errors @since 0.1.0 */
export class NeverReached extends Data.TaggedClass("NeverReached")<{
  readonly labels: ReadonlyArray<string>
  /** Table of the states and faults that the runs reached. */
  readonly coverage?: string | undefined
}> {
  get message(): string {
    const summary = `no run reached ${this.labels.map((label) => JSON.stringify(label)).join(", ")}`
    return this.coverage === undefined ? summary : `${summary}\n\n${this.coverage}`
  }
}

/** The environment variables or the options are invalid. @category errors @since 0.1.0 */
export class Misconfigured extends Data.TaggedClass("Misconfigured")<{
  readonly message: string
  readonly cause: unknown
}> {}

/**
 * Error of a scenario of `SimCheck.model`: no order of the commands explains their results.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelMismatch extends Data.TaggedError("ModelMismatch")<{ readonly message: string }> {}

/** A failing run, shrunk. @category models @since 0.1.0 */
export interface Failure {
  readonly seed: number
  /** The faults that the failure needs, without random choices where possible. */
  readonly plan: FaultPlan.FaultPlan
  /** The plan of the run that failed first. */
  readonly original: FaultPlan.FaultPlan
  /** The shrunk input, as `SIM_INPUT` takes it: compact JSON, or its position among the generated inputs. */
  readonly input?: string | undefined
  /** The shrunk input for readers: compact JSON, or a text of a value that has no JSON. */
  readonly inputText?: string | undefined
  /** The preemptions that the failure needs, as `SIM_SWITCHES` takes them. */
  readonly switches?: string | undefined
  /** End of the shrunk run, in virtual nanoseconds. */
  readonly time: number
  /** Number of faults applied in it. */
  readonly faults: number
  /** Sequence diagram of the shrunk run. */
  readonly diagram: string
  /** Command line that repeats this run only. */
  readonly command: string
  /** Lines about the failure's files that could not be written. */
  readonly notes?: ReadonlyArray<string> | undefined
}

/** Formats a plan for `SIM_PLAN`. */
const shellQuoted = (plan: FaultPlan.FaultPlan) => (plan.length === 0 ? "none" : `'${FaultPlanSyntax.format(plan)}'`)

/**
 * Returns the environment variables that, put before a command, make it repeat this run only.
 *
 * @category combinators
 * @since 0.1.0
 */
export const replay = ({
  input,
  plan,
  seed,
  switches
}: Pick<Failure, "input" | "plan" | "seed" | "switches">): string =>
  [
    `SIM_SEED=${seed}`,
    `SIM_PLAN=${shellQuoted(plan)}`,
    ...(input === undefined ? [] : [`SIM_INPUT=${TestCommand.quote(input)}`]),
    ...(switches === undefined ? [] : [`SIM_SWITCHES=${TestCommand.quote(switches)}`])
  ].join(" ")

/** Formats a reason as the last line of a diagram: its first line, shortened. @category combinators @since 0.1.0 */
export const endingOf = ({ message }: SimCheckError["reason"]): string => {
  const [first = ""] = message.split("\n")
  return first.length <= maxEndingChars ? first : `${first.slice(0, maxEndingChars - 1)}…`
}

const maxEndingChars = 70

/** A failed check; `failure` is present if a single run shows it. @category errors @since 0.1.0 */
export class SimCheckError extends Data.TaggedError("SimCheckError")<{
  readonly reason:
    | Failed
    | Deadlock
    | DeadlineExceeded
    | Leaked
    | Nondeterministic
    | UnusedRules
    | NeverReached
    | Misconfigured
  readonly failure?: Failure | undefined
  readonly cause?: unknown
}> {
  constructor(options: {
    readonly reason: SimCheckError["reason"]
    readonly failure?: Failure | undefined
    readonly cause?: unknown
  }) {
    super(options)
    // Test runners and loggers print the enumerable properties of an error below its message, which says it all.
    for (const name of ["reason", "failure"]) Object.defineProperty(this, name, { enumerable: false })
  }
  override get message(): string {
    if (this.failure === undefined) return this.reason.message
    const { command, diagram, faults, inputText: input, notes = [], time } = this.failure
    const when = `at ${time / 1e9}s, after ${faults === 0 ? "no fault" : plural(faults, "fault")}`
    const [summary = "", ...more] = this.reason.message.split("\n")
    const reason = [`${summary} (${when})`, ...more].join("\n")
    const text = Explanation.join({ reason, input, diagram, command })
    return notes.length === 0 ? text : `${text}\n\n${notes.join("\n")}`
  }
}
