/**
 * Search of the runs of a scenario: some are drawn anew, the others differ a little from those that reached something
 * new. Each step is one run. A run that fails or reached a new state is repeated and compared, and so is every tenth.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Checker from "../check/Checker.ts"
import * as CheckSettings from "../check/CheckSettings.ts"
import type * as FailureShrink from "../check/FailureShrink.ts"
import * as Inputs from "../check/Inputs.ts"
import type * as FaultArbitrary from "../faults/FaultArbitrary.ts"
import * as FaultPlanSyntax from "../faults/FaultPlanSyntax.ts"
import * as FaultRandom from "../faults/FaultRandom.ts"
import type * as SimCheckError from "../SimCheckError.ts"
import * as Corpus from "./Corpus.ts"
import * as PlanMutation from "./PlanMutation.ts"
import * as RunFeatures from "./RunFeatures.ts"

/** Options of a search. */
export interface Options<I> extends Checker.Options<I> {
  /** Options of the rules that mutations add. Default: those of `generate`; if it is a function, like its plans. */
  readonly mutations?: FaultArbitrary.Options | undefined
  /** Part of the runs that are drawn anew, 0 to 1. Default 0.25. */
  readonly fresh?: number | undefined
}

/** One run of a search. */
export interface Step {
  readonly entry: Corpus.Entry
  readonly report: Checker.Report
  /** True if it reached something that no earlier run had reached. */
  readonly isNew: boolean
  /** Shrinks and explains the run, if it failed. */
  readonly failure: Effect.Effect<SimCheckError.SimCheckError, SimCheckError.SimCheckError> | undefined
}

/** A search that is going on. */
export interface Explorer<R> {
  readonly corpus: Corpus.Corpus
  /** Makes one run. */
  readonly step: Effect.Effect<Step, SimCheckError.SimCheckError, R>
  /** Runs an entry, such as one of an earlier search. */
  readonly run: (entry: Corpus.Entry) => Effect.Effect<Step, SimCheckError.SimCheckError, R>
}

const maxSeed = 2 ** 31

/** Of the runs without a new state, the part that is repeated and compared. */
const repetitionPeriodRuns = 10

/** Returns the options of mutations. */
const mutationsOf = <I>({ generate, mutations }: Options<I>): FaultArbitrary.Options => {
  if (mutations !== undefined) return mutations
  return typeof generate === "function" ? PlanMutation.optionsLike(generate) : (generate ?? {})
}

/** Creates a function that draws the next run to make. */
const makeChoice = <I>(options: Options<I>, corpus: Corpus.Corpus, first: number) => {
  const { fresh = 0.25, inputs } = options
  const random = FaultRandom.sequence(`explore ${first}`)
  const mutations = mutationsOf(options)
  const hasPlans = options.generate !== undefined || options.mutations !== undefined
  const seedOf = () => Math.floor(random() * maxSeed)
  let seed = first
  const newEntry = (): Corpus.Entry => {
    const plan = CheckSettings.planOfSeed(options, seed)
    return { seed, inputSeed: seed++, plan: FaultPlanSyntax.format(plan) }
  }
  return (): Corpus.Entry => {
    const parent = random() < fresh ? undefined : Corpus.draw(corpus, random)
    if (parent === undefined) return newEntry()
    const part = random()
    // Mostly the plan alone: the run is the same up to the fault that differs.
    if (hasPlans && part < 0.7) {
      const other = Corpus.draw(corpus, random)
      const plan = PlanMutation.next(
        FaultPlanSyntax.parseUnsafe(parent.plan),
        other && FaultPlanSyntax.parseUnsafe(other.plan),
        mutations,
        random
      )
      return { ...parent, plan: FaultPlanSyntax.format(plan) }
    }
    if (inputs !== undefined && part < 0.85) return { ...parent, inputSeed: seedOf() }
    return { ...parent, seed: seedOf() }
  }
}

/** Creates a search; `seed` of the options is its first seed, and that of its own choices. */
export const make = Effect.fnUntraced(function* <A, E, R, I>(
  scenario: Checker.Scenario<A, E, R, I>,
  options: Options<I>
): Effect.fn.Return<Explorer<Exclude<R, Scope.Scope>>, SimCheckError.SimCheckError> {
  const trials = yield* Checker.trials(scenario, options)
  const corpus = Corpus.make()
  let runs = 0
  const choose = makeChoice(options, corpus, trials.settings.first)
  const run = Effect.fnUntraced(function* (
    given: Corpus.Entry
  ): Effect.fn.Return<Step, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>> {
    const services = yield* Effect.context<Exclude<R, Scope.Scope>>()
    const { entry, input } = yield* inputOf(trials, given)
    const plan = FaultPlanSyntax.parseUnsafe(entry.plan)
    const candidate: FailureShrink.Candidate<I> = { plan, input, decisions: undefined }
    const recorder = RunFeatures.make(options.dissectors)
    const first = yield* trials.once(entry.seed, candidate, recorder.record)
    const features = recorder.features()
    const found = Corpus.add(corpus, entry, plan.length, features)
    const isRepeated = found === "state" || first.reason !== undefined || runs++ % repetitionPeriodRuns === 0
    const outcome = isRepeated ? yield* trials.twice(entry.seed, candidate) : first
    const { reason, report } = outcome
    const failure =
      reason === undefined
        ? undefined
        : Effect.provideContext(trials.explain(entry.seed, candidate, { reason, report }, entry.inputSeed), services)
    return { entry, report, isNew: found !== undefined, failure }
  })
  return { corpus, run, step: Effect.suspend(() => run(choose())) }
})

/** Returns the input of an entry; one that the command line cannot repeat is replaced by that of the seed. */
const inputOf = Effect.fnUntraced(function* <I, R>(trials: Checker.Trials<I, R>, entry: Corpus.Entry) {
  const input = yield* trials.input(entry.inputSeed)
  if (entry.inputSeed === entry.seed || !Inputs.format(input).startsWith("~")) return { entry, input }
  return { entry: { ...entry, inputSeed: entry.seed }, input: yield* trials.input(entry.seed) }
})
