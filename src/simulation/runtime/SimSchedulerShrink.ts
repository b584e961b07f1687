/**
 * Delta debugging of the decisions of a run: removes as many as possible, also two that only together are unnecessary.
 * If several remain, each single preemption of the default order is also tried, because most races need no more, and
 * then each pair of preemptions.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as SimSchedulerQueue from "./SimSchedulerQueue.ts"

/** Maximum number of runs for one failure. */
const maxAttempts = 1_000

/** Maximum number of runs without two of the decisions, and of runs with two preemptions in place of all. */
const [maxRemovals, maxPairs] = [300, 1_000]

/** Operations after the found point that are also tried. */
const maxLookaheadOperations = 4

/**
 * Returns the smallest failing run that was found; undefined if the same decisions do not fail again. `sizeOf` returns
 * undefined for a run that does not fail, or fails differently.
 */
export const minimise = Effect.fnUntraced(function* <A, R>(
  found: ReadonlyArray<SimSchedulerQueue.Decision>,
  attempt: (decisions: ReadonlyArray<SimSchedulerQueue.Decision>) => Effect.Effect<A, never, R>,
  sizeOf: (run: A) => number | undefined,
  pointsOf: (run: A) => ReadonlyArray<string>
): Effect.fn.Return<A | undefined, never, R> {
  let best = yield* attempt(found)
  let size = sizeOf(best)
  if (size === undefined) return undefined
  let decisions = found
  let attempts = 0
  let budget = maxAttempts
  const improves = Effect.fnUntraced(function* (candidate: ReadonlyArray<SimSchedulerQueue.Decision>) {
    if (attempts++ >= budget) return false
    // Other fibers get their turn, as between the runs of the exploration.
    if (attempts % 32 === 0) yield* Effect.yieldNow
    const run = yield* attempt(candidate)
    const runSize = sizeOf(run)
    if (runSize === undefined || candidate.length > decisions.length) return false
    if (candidate.length === decisions.length && runSize >= size!) return false
    best = run
    size = runSize
    decisions = candidate
    return true
  })
  for (let length = Math.ceil(found.length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
    let isSmaller = false
    for (let from = 0; from < decisions.length; ) {
      if (yield* improves([...decisions.slice(0, from), ...decisions.slice(from + length)])) isSmaller = true
      else from += length
    }
    // Decisions that were necessary before may be removable now.
    if (length === 1 && isSmaller) length = 2
  }
  const tryFirst = Effect.fnUntraced(function* (
    maxRuns: number,
    candidates: Iterable<ReadonlyArray<SimSchedulerQueue.Decision>>
  ) {
    budget = attempts + maxRuns
    for (const candidate of candidates) {
      if (yield* improves(candidate)) return true
      if (attempts >= budget) return false
    }
    return false
  })
  while (decisions.length > 2 && (yield* tryFirst(maxRemovals, withoutPairs(decisions)))) {}
  if (decisions.length > 1) {
    const points = pointsOf(yield* attempt([]))
    yield* tryFirst(
      maxAttempts,
      points.map((point) => [[point, 1]])
    )
    if (decisions.length > 2) yield* tryFirst(maxPairs, preemptionPairs(points))
  }
  budget = attempts + maxLookaheadOperations
  // The last operation before which the same switch also fails is nearest to the cause of the race.
  const [[point, choice] = ["", 0], ...others] = decisions
  const [fiber, check] = point.split(".").map(Number)
  if (choice === 1 && others.length === 0 && Number.isInteger(check)) {
    for (let later = 1; later <= maxLookaheadOperations; later++) yield* improves([[`${fiber}.${check! + later}`, 1]])
  }
  return best
})

/** Returns all pairs of indices, the nearest neighbours first. */
const pairsOf = function* (length: number): Iterable<readonly [one: number, other: number]> {
  for (let distance = 1; distance < length; distance++) {
    for (let one = 0; one + distance < length; one++) yield [one, one + distance]
  }
}

const withoutPairs = function* (decisions: ReadonlyArray<SimSchedulerQueue.Decision>) {
  for (const [one, other] of pairsOf(decisions.length)) {
    yield decisions.filter((_, at) => at !== one && at !== other)
  }
}

const preemptionPairs = function* (points: ReadonlyArray<string>): Iterable<ReadonlyArray<SimSchedulerQueue.Decision>> {
  for (const [one, other] of pairsOf(points.length)) {
    yield [
      [points[one]!, 1],
      [points[other]!, 1]
    ]
  }
}

/** Returns what must stay the same while a failing run is shrunk, so that a different failure does not replace it. */
export const signature = (reason: { readonly _tag: string; readonly cause?: unknown }): string => {
  if (reason._tag !== "Failed" || !Cause.isCause(reason.cause)) return reason._tag
  const error = Cause.squash(reason.cause)
  return Predicate.hasProperty(error, "_tag") ? `${error._tag}` : error instanceof Error ? error.name : typeof error
}
