/** Runs of a check: each seed twice, compared; the first failure is shrunk and explained. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Explanation from "../explain/Explanation.ts"
import type { FailedRun } from "../explain/FailedRun.ts"
import * as TestCommand from "../explain/TestCommand.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"
import type * as Recording from "../Recording.ts"
import * as SimSchedulerShrink from "../runtime/SimSchedulerShrink.ts"
import * as SimCheckError from "../SimCheckError.ts"
import * as Simulation from "../Simulation.ts"
import * as CheckSettings from "./CheckSettings.ts"
import * as Coverage from "./Coverage.ts"
import * as EventLog from "./EventLog.ts"
import * as FailureShrink from "./FailureShrink.ts"
import * as HostRejections from "./HostRejections.ts"
import * as Inputs from "./Inputs.ts"
import * as RunComparison from "./RunComparison.ts"
import * as RunNotes from "./RunNotes.ts"
import * as SwitchList from "./SwitchList.ts"

/** Statistics of a check that found no failure. */
export interface Summary {
  readonly runs: number
  readonly packets: number
  /** Number of faults applied. */
  readonly faults: number
  /** Number of rules in generated plans that never applied. */
  readonly unused: number
  /** Virtual nanoseconds, summed over all runs. */
  readonly time: number
  /** Number of runs that reached each state. */
  readonly reached: ReadonlyMap<string, number>
  /** The states and the actions of fault plans, with the number of runs that reached each. */
  readonly coverage: ReadonlyArray<Coverage.Row>
  /** Real milliseconds of all seeds; each runs twice. */
  readonly realMillis: number
  readonly seedsPerSecond: number
}

/** Options of a check, with the source of its inputs if there are any. */
export interface Options<I> extends CheckSettings.Options {
  readonly inputs?: Inputs.Inputs<I> | undefined
}

/** A program on a simulated network, with an input. */
export type Scenario<A, E, R, I> = (simulation: Simulation.Simulation, input: I) => Effect.Effect<A, E, R>

type Reason = SimCheckError.SimCheckError["reason"]
export type Report = Simulation.Report<unknown, unknown>

/** A run and the reason for which it failed, if it did. */
interface Outcome {
  readonly report: Report
  readonly reason: Reason | undefined
}

/** A check that is going on. */
interface Check<I, R> {
  readonly settings: CheckSettings.Settings
  readonly source: Inputs.Source<I> | undefined
  readonly options: Options<I>
  readonly runOnce: (
    seed: number,
    candidate: FailureShrink.Candidate<I>,
    record?: Recording.Recorder,
    hosts?: Array<Explanation.Host>
  ) => Effect.Effect<Report, never, R>
}

const misconfigured = (error: { readonly message: string }): SimCheckError.SimCheckError =>
  new SimCheckError.SimCheckError({
    reason: new SimCheckError.Misconfigured({ message: error.message, cause: error }),
    cause: error
  })

/** Returns the reason for which a single run failed, if it did. */
const failureOf = ({ calls, exit, leaked, outcome }: Report): Reason | undefined => {
  if (outcome === "deadlock") return new SimCheckError.Deadlock({ calls })
  if (outcome === "deadline") return new SimCheckError.DeadlineExceeded()
  if (Exit.isFailure(exit)) return new SimCheckError.Failed({ cause: exit.cause })
  return leaked.sockets + leaked.timers > 0 ? new SimCheckError.Leaked(leaked) : undefined
}

/** Runs a seed twice, and compares all events and the results. */
const runTwice = Effect.fnUntraced(function* <I, R>(
  { runOnce }: Check<I, R>,
  seed: number,
  candidate: FailureShrink.Candidate<I>
): Effect.fn.Return<Outcome, never, R> {
  const comparison = RunComparison.make()
  const report = yield* runOnce(seed, candidate, comparison.first)
  const second = yield* runOnce(seed, candidate, comparison.second)
  const difference = comparison.difference(report, second)
  if (difference === undefined) return { report, reason: failureOf(report) }
  return { report, reason: new SimCheckError.Nondeterministic({ ...difference, calls: second.calls }) }
})

/** Shrinks a failure in all its dimensions. */
const shrunk = Effect.fnUntraced(function* <I, R>(
  check: Check<I, R>,
  seed: number,
  found: FailureShrink.Candidate<I>,
  first: Outcome & { readonly reason: Reason }
) {
  const { report } = first
  const signature = SimSchedulerShrink.signature(first.reason)
  const isTwice = first.reason._tag === "Nondeterministic"
  const attempt = Effect.fnUntraced(function* (candidate: FailureShrink.Candidate<I>) {
    const tried = isTwice
      ? yield* runTwice(check, seed, candidate)
      : yield* Effect.map(check.runOnce(seed, candidate), (report) => ({ report, reason: failureOf(report) }))
    const { reason } = tried
    return reason !== undefined && SimSchedulerShrink.signature(reason) === signature
      ? { report: tried.report, reason }
      : undefined
  })
  const decisions = report.decisions.length > 0 ? report.decisions : found.decisions
  const concrete = { ...found, plan: report.concrete, decisions }
  const again = yield* attempt(concrete)
  const start = again === undefined ? { candidate: found, run: first } : { candidate: concrete, run: again }
  return yield* FailureShrink.shrink(start, { seed, source: check.source, attempt })
})

/** Runs a candidate without its faults and preemptions and keeps the events; undefined if it has none. */
const recordedFaultless = Effect.fnUntraced(function* <I, R>(
  { runOnce }: Check<I, R>,
  seed: number,
  { decisions, input, plan }: FailureShrink.Candidate<I>
): Effect.fn.Return<FailedRun["faultless"], never, R> {
  if (plan.length === 0 && (decisions ?? []).length === 0) return undefined
  const log = EventLog.make()
  const report = yield* runOnce(seed, { input, plan: [], decisions: decisions && [] }, log.record)
  const reason = failureOf(report)
  const ending = reason === undefined ? "passes" : SimCheckError.endingOf(reason)
  return { events: log.events(), omittedEvents: log.omitted(), endNanos: report.time, ending }
})

/** Runs a failed candidate again and keeps its events. */
const recorded = Effect.fnUntraced(function* <I, R>(
  check: Check<I, R>,
  seed: number,
  candidate: FailureShrink.Candidate<I>,
  reason: Reason,
  command: string
) {
  const { options, runOnce, settings } = check
  const [log, second] = [EventLog.make(), EventLog.make()]
  const hosts: Array<Explanation.Host> = []
  const { time } = yield* runOnce(seed, candidate, log.record, hosts)
  const isTwice = reason._tag === "Nondeterministic"
  if (isTwice) yield* runOnce(seed, candidate, second.record)
  const faultless =
    isTwice || settings.html === undefined ? undefined : yield* recordedFaultless(check, seed, candidate)
  const failed: FailedRun = {
    ...{ seed, hosts, plan: candidate.plan, endNanos: time, command },
    events: log.events(),
    omittedEvents: log.omitted(),
    second: isTwice ? second.events() : undefined,
    faultless,
    dissectors: options.dissectors,
    ending: SimCheckError.endingOf(reason),
    reason: reason.message,
    input: options.inputs === undefined ? undefined : Inputs.describe(candidate.input)
  }
  return failed
})

/** Writes the files that the environment asks for; returns a line for each that could not be written. */
const writeFiles = Effect.fnUntraced(function* ({ capture, html }: CheckSettings.Settings, failed: FailedRun) {
  if (capture === undefined && html === undefined) return []
  const files = yield* Effect.promise(() => import("../explain/NodeFailureFiles.ts"))
  const writes = [
    ...(capture === undefined ? [] : [files.writeCapture(capture, failed)]),
    ...(html === undefined ? [] : [files.writePage(html, failed)])
  ]
  return (yield* Effect.forEach(writes, (write) =>
    Effect.match(write, { onFailure: ({ message }) => message, onSuccess: () => "" })
  )).filter((line) => line !== "")
})

const sum = (counts: ReadonlyArray<number>) => counts.reduce((total, count) => total + count, 0)

/** Shrinks and explains a failure. */
const explained = Effect.fnUntraced(function* <I, R>(
  check: Check<I, R>,
  seed: number,
  found: FailureShrink.Candidate<I>,
  first: Outcome & { readonly reason: Reason }
) {
  const { candidate, run } = yield* shrunk(check, seed, found, first)
  const { reason, report } = run
  const replayed = {
    seed,
    plan: candidate.plan,
    input: check.options.inputs === undefined ? undefined : Inputs.format(candidate.input),
    switches: candidate.decisions === undefined ? undefined : SwitchList.format(candidate.decisions)
  }
  const program = check.options.command ?? TestCommand.find() ?? ""
  const command = [SimCheckError.replay(replayed), program].join(" ").trimEnd()
  const failed = yield* recorded(check, seed, candidate, reason, command)
  const notes = yield* writeFiles(check.settings, failed)
  const failure: SimCheckError.Failure = {
    ...{ inputText: failed.input, notes },
    ...{ ...replayed, command, original: found.plan, time: report.time, faults: sum(report.faults) },
    diagram: failed.events.length === 0 ? "" : Explanation.diagram(failed)
  }
  const cause = reason._tag === "Failed" ? Cause.squash(reason.cause) : undefined
  return new SimCheckError.SimCheckError({ reason, failure, cause })
})

/** Returns the input of a seed: that of the environment, or a generated one. */
const inputOf = Effect.fnUntraced(function* <I, R>({ settings, source }: Check<I, R>, seed: number) {
  const { input } = settings
  if (source === undefined) return { value: undefined as I, path: undefined }
  if (input?._tag === "Value") return { value: input.value as I, path: undefined }
  const path = input?.path ?? []
  const value = yield* source.at(seed, path)
  if (value !== undefined) return { value, path }
  return yield* misconfigured(
    new Error(
      input === undefined
        ? `the arbitrary of the inputs generated no value for seed ${seed}: its filters reject too many`
        : `invalid SIM_INPUT ~${path.join(".")}: seed ${seed} has no such input`
    )
  )
})

/** Live clock: the clock of a test is virtual, too. */
const realMillis = () => Clock.Clock.defaultValue().currentTimeMillisUnsafe()

/** Prints the statistics also in a test, whose console is replaced. */
const print = (text: string) => Effect.sync(() => Console.Console.defaultValue().log(text))

/** Combines the options and the environment. */
export const settingsOf = <I>(options: Options<I>) => Effect.mapError(CheckSettings.make(options), misconfigured)

const makeCheck = <A, E, R, I>(
  scenario: Scenario<A, E, R, I>,
  options: Options<I>,
  settings: CheckSettings.Settings
): Check<I, Exclude<R, Scope.Scope>> => {
  const { command: _, generate: __, inputs, plan: ___, runs: ____, seed: _____, sometimes: ______, ...rest } = options
  return {
    settings,
    source: inputs === undefined ? undefined : Inputs.make(inputs),
    options,
    runOnce: (seed, { decisions, input, plan }, record, hosts) =>
      Simulation.run(
        (simulation) => {
          const observed = hosts === undefined ? simulation : RunNotes.observeHosts(simulation, hosts)
          if (record !== undefined) RunNotes.attach(observed, record)
          return scenario(observed, input.value)
        },
        { ...rest, seed, plan, decisions, record }
      )
  }
}

/** Runs of a check that a search chooses, instead of one seed after the other. */
export interface Trials<I, R> {
  readonly settings: CheckSettings.Settings
  /** Returns the input that is generated for a seed. */
  readonly input: (seed: number) => Effect.Effect<Inputs.Input<I>, SimCheckError.SimCheckError>
  /** Runs a candidate once. */
  readonly once: (
    seed: number,
    candidate: FailureShrink.Candidate<I>,
    record: Recording.Recorder
  ) => Effect.Effect<Outcome, never, R>
  /** Runs a candidate twice and compares the runs. */
  readonly twice: (seed: number, candidate: FailureShrink.Candidate<I>) => Effect.Effect<Outcome, never, R>
  /** Shrinks and explains a failure; `inputSeed` is the seed for which the input was generated. */
  readonly explain: (
    seed: number,
    found: FailureShrink.Candidate<I>,
    first: Outcome & { readonly reason: Reason },
    inputSeed: number
  ) => Effect.Effect<SimCheckError.SimCheckError, SimCheckError.SimCheckError, R>
}

/** Returns the source with the inputs of one seed for all. */
const sourceOfSeed = <I>({ at, shrink }: Inputs.Source<I>, inputSeed: number): Inputs.Source<I> => ({
  at: (_, path) => at(inputSeed, path),
  shrink: (_, path, fails) => shrink(inputSeed, path, fails)
})

/** Creates the runs of a check. */
export const trials = <A, E, R, I>(
  scenario: Scenario<A, E, R, I>,
  options: Options<I>
): Effect.Effect<Trials<I, Exclude<R, Scope.Scope>>, SimCheckError.SimCheckError> =>
  Effect.map(settingsOf(options), (settings) => {
    const check = makeCheck(scenario, options, settings)
    const { source } = check
    return {
      settings,
      input: (seed) => inputOf({ ...check, settings: { ...settings, input: undefined } }, seed),
      once: (seed, candidate, record) =>
        Effect.map(check.runOnce(seed, candidate, record), (report) => ({ report, reason: failureOf(report) })),
      twice: (seed, candidate) => runTwice(check, seed, candidate),
      explain: (seed, found, first, inputSeed) =>
        explained({ ...check, source: source && sourceOfSeed(source, inputSeed) }, seed, found, first)
    }
  })

const runSeeds = Effect.fnUntraced(function* <A, E, R, I>(
  scenario: Scenario<A, E, R, I>,
  options: Options<I>,
  rejected: HostRejections.Rejected
): Effect.fn.Return<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>> {
  const settings = yield* settingsOf(options)
  const { decisions, first, plan: fixed, runs } = settings
  const { sometimes = [] } = options
  const check = makeCheck(scenario, options, settings)
  const coverage = Coverage.make(sometimes)
  const faultCounts = fixed?.map(() => 0)
  const totals = { runs, packets: 0, faults: 0, unused: 0, time: 0 }
  const [seen, seenDecisions] = [new Set<string>(), new Set<string>()]
  const startMillis = realMillis()
  for (let seed = first; seed < first + runs; seed++) {
    const plan = fixed ?? (yield* Effect.mapError(CheckSettings.generatedPlan(options, seed), misconfigured))
    const candidate = { plan, input: yield* inputOf(check, seed), decisions }
    const { reason: found, report } = yield* runTwice(check, seed, candidate)
    // A run is synchronous: between two runs other fibers and the time limit of a test get their turn.
    const cause = yield* rejected
    const reason = found ?? (cause && new SimCheckError.Failed({ cause }))
    if (fixed !== undefined) {
      yield* Effect.mapError(Effect.fromResult(FaultPlan.check(fixed, report.hosts)), misconfigured)
    }
    if (reason !== undefined) return yield* yield* explained(check, seed, candidate, { reason, report })
    for (const host of report.hosts) seen.add(host)
    for (const [point] of report.decisions) seenDecisions.add(point)
    totals.packets += report.packets
    totals.faults += sum(report.faults)
    totals.unused += fixed === undefined ? report.unused.length : 0
    totals.time += report.time
    for (const [index, count] of report.faults.entries()) if (faultCounts !== undefined) faultCounts[index]! += count
    coverage.add(seed, { ...report, plan })
  }
  const elapsedMillis = Math.max(1, realMillis() - startMillis)
  const rows = coverage.rows()
  const states = rows.filter(({ kind }) => kind === "state")
  const summary: Summary = {
    ...totals,
    reached: new Map(states.flatMap(({ name, runs }) => (runs > 0 ? [[name, runs] as const] : []))),
    coverage: rows,
    realMillis: elapsedMillis,
    seedsPerSecond: (1_000 * runs) / elapsedMillis
  }
  if (settings.isReported) yield* print(format(summary))
  const unknown = fixed !== undefined || settings.isReplay ? undefined : CheckSettings.unknownHost(options, seen)
  const problem = unknown ?? SwitchList.unused(decisions ?? [], seenDecisions)
  if (problem !== undefined) return yield* misconfigured(new Error(problem))
  const rules = (fixed ?? []).filter((_, index) => faultCounts?.[index] === 0)
  if (rules.length > 0) {
    return yield* new SimCheckError.SimCheckError({ reason: new SimCheckError.UnusedRules({ rules }) })
  }
  const labels = states.filter(({ runs }) => runs === 0).map(({ name }) => name)
  if (labels.length > 0 && !settings.isReplay) {
    const reason = new SimCheckError.NeverReached({ labels, coverage: Coverage.format(rows, runs) })
    return yield* new SimCheckError.SimCheckError({ reason })
  }
  return summary
})

/** Runs all seeds; fails with the first failure. */
export const run = <A, E, R, I>(scenario: Scenario<A, E, R, I>, options: Options<I>) =>
  HostRejections.during((rejected) => runSeeds(scenario, options, rejected))

const significant = (value: number) => `${Number(value.toPrecision(3))}`

const durationOf = (nanos: number) => {
  const seconds = nanos / 1e9
  if (seconds < 120) return `${significant(seconds)} s`
  return seconds < 7_200 ? `${significant(seconds / 60)} min` : `${significant(seconds / 3_600)} h`
}

/** Formats the statistics: one line, and a table of the states and faults that were reached. */
export const format = (summary: Summary): string => {
  const { coverage, faults, packets, realMillis, runs, seedsPerSecond, time } = summary
  const speed = `${significant(seedsPerSecond)} seeds/s, ${significant(realMillis / runs)} ms each, run twice`
  const totals = `${packets} packets, ${faults} faults, ${durationOf(time)} of virtual time`
  const head = `${runs} seeds passed in ${significant(realMillis / 1_000)} s (${speed}): ${totals}`
  return coverage.length === 0 ? head : `${head}\n\n${Coverage.format(coverage, runs)}`
}
