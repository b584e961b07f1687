/** Errors of an exploration: the reason, the interleaving, and the command line that repeats it. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as CanonicalText from "../check/CanonicalText.ts"
import type * as SimSchedulerQueue from "./SimSchedulerQueue.ts"

/** The program failed, or its result is wrong. @category errors @since 0.1.0 */
export class Failed extends Data.TaggedClass("Failed")<{ readonly cause: Cause.Cause<unknown> }> {
  get message(): string {
    const error = Cause.squash(this.cause)
    if (typeof error === "string") return error
    return CanonicalText.describeError(error, "the program failed with")
  }
}

/** A fiber that waits. @category models @since 0.1.0 */
export type WaitingFiber = Pick<SimSchedulerQueue.Slice, "fiber" | "name"> & { readonly step: string | undefined }

/** No fiber can run, no timer is pending, and the program has not ended. @category errors @since 0.1.0 */
export class Deadlock extends Data.TaggedClass("Deadlock")<{ readonly waiting: ReadonlyArray<WaitingFiber> }> {
  get message(): string {
    const waiting = this.waiting.map((one) => (one.step === undefined ? nameOf(one) : `${nameOf(one)} in ${one.step}`))
    return `deadlock: no fiber can run; waiting: ${waiting.join(", ")}`
  }
}

/**
 * The program had not ended after the maximum number of operations, or of virtual time.
 *
 * @category errors
 * @since 0.1.0
 */
export class Endless extends Data.TaggedClass("Endless")<{ readonly after: string }> {
  get message(): string {
    return `the program had not ended after ${this.after}`
  }
}

/** The same decisions gave a different run. @category errors @since 0.1.0 */
export class Nondeterministic extends Data.TaggedClass("Nondeterministic")<{ readonly first: string }> {
  get message(): string {
    const fix = "create all state inside the program, and use Random and Clock"
    return `not deterministic: failed with "${this.first}", but not when the same run was repeated; ${fix}`
  }
}

/** The environment variables or the options are invalid. @category errors @since 0.1.0 */
export class Misconfigured extends Data.TaggedClass("Misconfigured")<{ readonly message: string }> {}

/** A failing interleaving with a minimum of decisions. @category models @since 0.1.0 */
export interface Failure {
  readonly seed: number
  /** Number of the run that failed, from 1. */
  readonly run: number
  /** Slices of the run. */
  readonly trace: ReadonlyArray<SimSchedulerQueue.Slice>
  /** Deviations from the default order that the failure needs. */
  readonly decisions: ReadonlyArray<SimSchedulerQueue.Decision>
  /** Decisions and switches of fibers in the run that failed first, before shrinking. */
  readonly found: { readonly decisions: number; readonly switches: number }
  /** Command that repeats the run. */
  readonly command: string
}

const nameOf = ({ fiber, name }: Pick<SimSchedulerQueue.Slice, "fiber" | "name">) =>
  name === undefined ? `${fiber}` : `${fiber} ${name}`

/** Counts the switches from one fiber to another. @category combinators @since 0.1.0 */
export const switches = (trace: ReadonlyArray<SimSchedulerQueue.Slice>): number => Math.max(0, trace.length - 1)

const sliceEnds: Readonly<Record<SimSchedulerQueue.Slice["end"], string>> = {
  preempted: "preempted",
  ended: "ends",
  suspended: ""
}

const formatSlice = ({ end, preemptedAt, steps }: SimSchedulerQueue.Slice): string => {
  const completed = preemptedAt !== undefined && preemptedAt === steps.at(-1) ? steps.slice(0, -1) : steps
  const last = preemptedAt === undefined ? sliceEnds[end] : `preempted at: ${preemptedAt}`
  return [...completed, last].filter((part) => part !== "").join("; ")
}

/** Slices that are printed: half of them from the start, half from the end. */
const maxPrintedSlices = 40

/** Formats a trace, one line per slice. @category combinators @since 0.1.0 */
export const format = (trace: ReadonlyArray<SimSchedulerQueue.Slice>): string => {
  const width = Math.max(0, ...trace.map((slice) => nameOf(slice).length))
  const lines = trace.map((slice) => `${nameOf(slice).padEnd(width)}  ${formatSlice(slice)}`.trimEnd())
  if (lines.length <= maxPrintedSlices) return lines.join("\n")
  const half = maxPrintedSlices / 2
  return [...lines.slice(0, half), `(${lines.length - maxPrintedSlices} more slices)`, ...lines.slice(-half)].join("\n")
}

/** Returns the command line that repeats this run only. @category combinators @since 0.1.0 */
export const replay = ({ command, seed }: Pick<Failure, "command" | "seed">): string =>
  `SIM_SEED=${seed} SIM_RUNS=1 ${command}`

const indent = (line: string) => `  ${line}`

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "es"}`

/** A failed exploration; `failure` is present if a run showed it. @category errors @since 0.1.0 */
export class SimSchedulerError extends Data.TaggedError("SimSchedulerError")<{
  readonly reason: Failed | Deadlock | Endless | Nondeterministic | Misconfigured
  readonly failure?: Failure | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    if (this.failure === undefined) return this.reason.message
    const { found, run, seed, trace } = this.failure
    const count = switches(trace)
    const size =
      found.switches > count ? `shrunk from ${plural(found.switches, "switch")} to ${count}` : plural(count, "switch")
    const where = `seed ${seed}, run ${run}; ${size}`
    const [summary, ...more] = this.reason.message.split("\n")
    return [`${summary} (${where})`, ...more, ...[...format(trace).split("\n"), replay(this.failure)].map(indent)].join(
      "\n"
    )
  }
}
