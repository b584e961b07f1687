/**
 * Delta debugging of the decisions of a run: leaves out as many as can be missed. Where more than one is left, every
 * single preemption of the plain order is tried, too: most races take no more.
 */
import * as Effect from "effect/Effect"
import type * as SimSchedulerQueue from "./SimSchedulerQueue.ts"

/** Runs that are spent on one failure. */
const maxAttempts = 1_000

/** Operations to look ahead for a point that says more. */
const maxLookahead = 4

/**
 * A run with few decisions that still fails, and of those that were tried the one of least size; nothing if not even
 * the same decisions fail again. `sizeOf` gives nothing for a run that does not fail, or fails in another way.
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
  const improves = Effect.fnUntraced(function* (candidate: ReadonlyArray<SimSchedulerQueue.Decision>) {
    if (attempts++ >= maxAttempts) return false
    // Others have their turn, as between the runs that looked for it.
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
    // What could not be missed before may be now.
    if (length === 1 && isSmaller) length = 2
  }
  if (decisions.length > 1) {
    for (const point of pointsOf(yield* attempt([]))) {
      if ((yield* improves([[point, 1]])) || attempts >= maxAttempts) break
    }
  }
  // The last operation before which the same switch fails, too, is nearest to what the race is about.
  const [[point, choice] = ["", 0], ...others] = decisions
  const [fiber, check] = point.split(".").map(Number)
  if (choice === 1 && others.length === 0 && Number.isInteger(check)) {
    for (let later = 1; later <= maxLookahead; later++) yield* improves([[`${fiber}.${check! + later}`, 1]])
  }
  return best
})
