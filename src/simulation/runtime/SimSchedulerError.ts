/** Why a program does not hold under every interleaving of its fibers, and the line that shows it again. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type * as SimSchedulerQueue from "./SimSchedulerQueue.ts"

/** The program failed, or what it gave was not right. @category errors @since 0.1.0 */
export class Failed extends Data.TaggedClass("Failed")<{ readonly cause: Cause.Cause<unknown> }> {
  get message(): string {
    const error = Cause.squash(this.cause)
    if (typeof error === "string") return error
    if (!(error instanceof Error)) return `it failed with ${JSON.stringify(error)}`
    return error.name === "Error" ? error.message : `${error.name}: ${error.message}`
  }
}

/** Fibers that wait. @category models @since 0.1.0 */
export type WaitingFiber = Pick<SimSchedulerQueue.Slice, "fiber" | "name"> & { readonly step: string | undefined }

/** Nothing can run, no time has to pass, and the program has not ended. @category errors @since 0.1.0 */
export class Deadlock extends Data.TaggedClass("Deadlock")<{ readonly waiting: ReadonlyArray<WaitingFiber> }> {
  get message(): string {
    const who = this.waiting.map((one) => (one.step === undefined ? nameOf(one) : `${nameOf(one)} in ${one.step}`))
    return `deadlock: nothing can run, and these wait: ${who.join(", ")}`
  }
}

/** The program had not ended after so many steps, or so much virtual time. @category errors @since 0.1.0 */
export class Endless extends Data.TaggedClass("Endless")<{ readonly after: string }> {
  get message(): string {
    return `the program had not ended after ${this.after}`
  }
}

/** The same decisions gave another run. @category errors @since 0.1.0 */
export class Nondeterministic extends Data.TaggedClass("Nondeterministic")<{ readonly first: string }> {
  get message(): string {
    const right = "state must be made inside the program, chance and time come from Random and Clock"
    return `${this.first} - but not when the same run was repeated: ${right}`
  }
}

/** What the environment or the options say cannot be used. @category errors @since 0.1.0 */
export class Misconfigured extends Data.TaggedClass("Misconfigured")<{ readonly message: string }> {}

/** A failing interleaving, with as few decisions as it gets. @category models @since 0.1.0 */
export interface Failure {
  readonly seed: number
  /** The runs it took, this one included. */
  readonly run: number
  /** Who ran when. */
  readonly trace: ReadonlyArray<SimSchedulerQueue.Slice>
  /** What makes it so: all else is plain order. */
  readonly decisions: ReadonlyArray<SimSchedulerQueue.Decision>
  /** How many decisions chance had made in the run that failed first, and how often it went to another fiber. */
  readonly found: { readonly decisions: number; readonly switches: number }
  /** What to run to see it again. */
  readonly command: string
}

const nameOf = ({ fiber, name }: Pick<SimSchedulerQueue.Slice, "fiber" | "name">) =>
  name === undefined ? `${fiber}` : `${fiber} ${name}`

/** How often another fiber went on. @category combinators @since 0.1.0 */
export const switches = (trace: ReadonlyArray<SimSchedulerQueue.Slice>): number => Math.max(0, trace.length - 1)

const sliceEnds: Readonly<Record<SimSchedulerQueue.Slice["end"], string>> = { preempted: "preempted", ended: "ends", suspended: "" }

const formatSlice = ({ end, preemptedAt, steps }: SimSchedulerQueue.Slice): string => {
  const completed = preemptedAt !== undefined && preemptedAt === steps.at(-1) ? steps.slice(0, -1) : steps
  const last = preemptedAt === undefined ? sliceEnds[end] : `preempted at: ${preemptedAt}`
  return [...completed, last].filter((part) => part !== "").join("; ")
}

/** Turns that are printed: the first and the last of them. */
const maxPrintedSlices = 40

/** Who ran when, one line a turn. @category combinators @since 0.1.0 */
export const format = (trace: ReadonlyArray<SimSchedulerQueue.Slice>): string => {
  const width = Math.max(0, ...trace.map((turn) => nameOf(turn).length))
  const lines = trace.map((turn) => `${nameOf(turn).padEnd(width)}  ${formatSlice(turn)}`.trimEnd())
  if (lines.length <= maxPrintedSlices) return lines.join("\n")
  const half = maxPrintedSlices / 2
  return [...lines.slice(0, half), `(${lines.length - maxPrintedSlices} more turns)`, ...lines.slice(-half)].join("\n")
}

/** The line that makes this run only. @category combinators @since 0.1.0 */
export const replay = ({ command, seed }: Pick<Failure, "command" | "seed">): string =>
  `SIM_SEED=${seed} SIM_RUNS=1 ${command}`

const indent = (line: string) => `  ${line}`

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "es"}`

/** A program does not hold; `failure` is there where a run showed it. @category errors @since 0.1.0 */
export class SimSchedulerError extends Data.TaggedError("SimSchedulerError")<{
  readonly reason: Failed | Deadlock | Endless | Nondeterministic | Misconfigured
  readonly failure?: Failure | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    if (this.failure === undefined) return this.reason.message
    const { found, run, seed, trace } = this.failure
    const count = plural(switches(trace), "switch")
    const foundWith = found.switches > switches(trace) ? `, found with ${found.switches}` : ""
    const where = `seed ${seed}, run ${run}: ${count}${foundWith}`
    const [what, ...more] = this.reason.message.split("\n")
    return [`${what} (${where})`, ...more, ...[...format(trace).split("\n"), replay(this.failure)].map(indent)].join(
      "\n"
    )
  }
}
