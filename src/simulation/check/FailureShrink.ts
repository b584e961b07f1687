/**
 * Shrinking of a failed run in all its dimensions: the faults, the input and the preemptions, in turn until none of
 * them gets smaller.
 */
import * as Effect from "effect/Effect"
import type * as FaultPlan from "../faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../faults/FaultPlanSyntax.ts"
import * as FaultShrink from "../faults/FaultShrink.ts"
import type { Decision } from "../runtime/SimSchedulerQueue.ts"
import * as SimSchedulerShrink from "../runtime/SimSchedulerShrink.ts"
import * as Inputs from "./Inputs.ts"
import * as SwitchList from "./SwitchList.ts"

/** All that decides a run, besides its seed. */
export interface Candidate<I> {
  readonly plan: FaultPlan.FaultPlan
  readonly input: Inputs.Input<I>
  /** Undefined if the scheduler draws them from the seed, or preempts nothing. */
  readonly decisions: ReadonlyArray<Decision> | undefined
}

/** A run of a candidate. */
export interface Tried<I, A> {
  readonly candidate: Candidate<I>
  readonly run: A
}

/** Options of the search. */
export interface Options<I, A, R> {
  readonly seed: number
  readonly source: Inputs.Source<I> | undefined
  /** Runs a candidate; returns undefined if it does not fail in the same way. */
  readonly attempt: (candidate: Candidate<I>) => Effect.Effect<A | undefined, never, R>
}

/** Most rounds over all dimensions; two are usual. */
const maxRounds = 8

const keyOf = <I>({ decisions, input, plan }: Candidate<I>) =>
  `${FaultPlanSyntax.format(plan)} ${Inputs.format(input)} ${decisions === undefined ? "" : SwitchList.format(decisions)}`

const shrinkPlan = Effect.fnUntraced(function* <I, A, R>(start: Tried<I, A>, { attempt }: Options<I, A, R>) {
  let best = start
  yield* FaultShrink.minimiseEffect(start.candidate.plan, (plan) => {
    const candidate = { ...start.candidate, plan }
    return Effect.map(attempt(candidate), (run) => {
      if (run !== undefined) best = { candidate, run }
      return run !== undefined
    })
  })
  return best
})

const shrinkInput = Effect.fnUntraced(function* <I, A, R>(start: Tried<I, A>, options: Options<I, A, R>) {
  const { attempt, seed, source } = options
  const { path: from } = start.candidate.input
  if (source === undefined || from === undefined) return start
  let best = start
  const path = yield* source.shrink(seed, from, (value) => {
    const candidate = { ...start.candidate, input: { value, path: undefined } }
    return Effect.map(attempt(candidate), (run) => {
      if (run !== undefined) best = { candidate, run }
      return run !== undefined
    })
  })
  return { ...best, candidate: { ...best.candidate, input: { value: best.candidate.input.value, path } } }
})

const shrinkDecisions = Effect.fnUntraced(function* <I, A, R>(start: Tried<I, A>, { attempt }: Options<I, A, R>) {
  const { decisions } = start.candidate
  if (decisions === undefined || decisions.length === 0) return start
  const found = yield* SimSchedulerShrink.minimise(
    decisions,
    (decisions) => {
      const candidate = { ...start.candidate, decisions }
      return Effect.map(attempt(candidate), (run) => ({ candidate, run }))
    },
    ({ run }) => (run === undefined ? undefined : 0),
    () => []
  )
  return found?.run === undefined ? start : { candidate: found.candidate, run: found.run }
})

/** Returns the smallest failing run that was found. */
export const shrink = Effect.fnUntraced(function* <I, A, R>(start: Tried<I, A>, options: Options<I, A, R>) {
  let best = start
  for (let round = 0; round < maxRounds; round++) {
    const before = keyOf(best.candidate)
    best = yield* shrinkPlan(best, options)
    best = yield* shrinkInput(best, options)
    best = yield* shrinkDecisions(best, options)
    const { decisions = [], input } = best.candidate
    const hasOneDimension = decisions.length === 0 && (options.source === undefined || input.path === undefined)
    if (hasOneDimension || keyOf(best.candidate) === before) break
  }
  return best
})
