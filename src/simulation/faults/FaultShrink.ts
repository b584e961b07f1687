/**
 * Shrinks failing fault plans. A plan is smaller than another if it has fewer rules, hits fewer packets, or has smaller
 * numbers. Every step makes the plan smaller, so shrinking ends.
 */
import * as Effect from "effect/Effect"
import * as FaultPlan from "./FaultPlan.ts"

type Rule = FaultPlan.Rule
type PacketRule = FaultPlan.PacketRule

const nanosPerMilli = 1_000_000

/** Returns smaller numbers, the smallest first. */
const smallerNumbers = (n: number, min: number): ReadonlyArray<number> =>
  [...new Set([min, min + Math.floor((n - min) / 2), n - 1])].filter((one) => one >= min && one < n)

const single = (n: number): FaultPlan.Nth => ({ from: n, to: n })

/** Returns selections of fewer packets, or of an earlier one. */
const fewerPackets = ({ from, to }: FaultPlan.Nth): ReadonlyArray<FaultPlan.Nth> => {
  if (to === from) return smallerNumbers(from, 1).map(single)
  if (to === undefined) return [single(from), single(from + 1), single(from + 2)]
  const middle = Math.floor((from + to) / 2)
  const halves = [
    { from, to: middle },
    { from: middle + 1, to }
  ]
  return [single(from), single(to), ...halves.filter(({ from, to }) => from < to)]
}

const exactly = (time: number): FaultPlan.Range => ({ from: time, to: time })

/** Returns fixed durations for a range, and rounder ones for a fixed duration. */
const shorterRanges = ({ from, to }: FaultPlan.Range): ReadonlyArray<FaultPlan.Range> => {
  if (from < to) return [exactly(from), exactly(to)]
  return [1000 * nanosPerMilli, 100 * nanosPerMilli, 10 * nanosPerMilli, nanosPerMilli]
    .map((step) => Math.floor(from / step) * step)
    .filter((time, i, all) => time > 0 && time < from && all.indexOf(time) === i)
    .map(exactly)
}

const oneWayPairs = (pair: FaultPlan.Pair): ReadonlyArray<FaultPlan.Pair> =>
  pair.both
    ? [
        { from: pair.from, to: pair.to, both: false },
        { from: pair.to, to: pair.from, both: false }
      ]
    : []

/** Returns both halves of a window, in whole milliseconds. */
const shorterWindows = ({ from, to }: FaultPlan.Window): ReadonlyArray<FaultPlan.Window> => {
  if (to === undefined) return []
  const half = Math.floor((to - from) / 2 / nanosPerMilli) * nanosPerMilli
  return half <= 0
    ? []
    : [
        { from, to: from + half },
        { from: to - half, to }
      ]
}

/** Returns the same fault with smaller values. */
const milderRules = (rule: PacketRule): ReadonlyArray<PacketRule> => {
  switch (rule.action) {
    case "delay":
      return shorterRanges(rule.by).map((by) => ({ ...rule, by }))
    case "dup":
      return [
        ...smallerNumbers(rule.copies, 1).map((copies) => ({ ...rule, copies })),
        ...(rule.after.to === 0 ? [] : [exactly(0), ...shorterRanges(rule.after)]).map((after) => ({ ...rule, after }))
      ]
    case "reorder":
      return [
        ...smallerNumbers(rule.by, 1).map((by) => ({ ...rule, by })),
        ...shorterRanges(rule.within).map((within) => ({ ...rule, within }))
      ]
    case "corrupt":
      return rule.bit === undefined ? [] : smallerNumbers(rule.bit, 0).map((bit) => ({ ...rule, bit }))
    case "truncate":
      return rule.bytes === undefined ? [] : smallerNumbers(rule.bytes, 0).map((bytes) => ({ ...rule, bytes }))
    case "stall":
      return rule.for === undefined ? [] : shorterRanges(rule.for).map((time) => ({ ...rule, for: time }))
    case "reset":
    case "cut":
      return smallerNumbers(rule.after, 0).map((after) => ({ ...rule, after }))
    default:
      return []
  }
}

/** The first packets one by one, in place of a rate or of all packets. */
const firstPackets = [1, 2, 3, 4, 5].map(single)

const simplerPackets = (rule: PacketRule): ReadonlyArray<PacketRule> => {
  const { nth, pair, percent, window } = rule
  const { percent: _, ...certain } = rule
  const { window: __, ...always } = rule
  const isSingle = nth !== undefined && nth.to === nth.from
  return [
    ...(percent === undefined
      ? nth === undefined
        ? firstPackets
        : fewerPackets(nth)
      : nth === undefined
        ? firstPackets
        : [nth]
    ).map((nth) => ({ ...certain, nth })),
    ...(window !== undefined && isSingle ? [always] : []),
    ...(pair === undefined ? [] : oneWayPairs(pair).map((pair) => ({ ...rule, pair }))),
    ...milderRules(rule)
  ]
}

/** Returns simpler rules, the simplest first. @category combinators @since 0.1.0 */
export const simpler = (rule: Rule): ReadonlyArray<Rule> => {
  if (rule.action === "restart") return []
  if (FaultPlan.isHostRule(rule)) {
    const { at, until, ...rest } = rule
    if (until === undefined) return []
    return shorterWindows({ from: at, to: until }).map(({ from, to }) => ({ ...rest, at: from, until: to! }))
  }
  if (rule.action !== "partition") return simplerPackets(rule)
  return [
    ...oneWayPairs(rule.pair).map((pair) => ({ ...rule, pair })),
    ...(rule.window === undefined ? [] : shorterWindows(rule.window).map((window) => ({ ...rule, window })))
  ]
}

/** Returns the plan without some of its rules, large parts first. */
const without = function* (plan: FaultPlan.FaultPlan): Iterable<FaultPlan.FaultPlan> {
  for (let size = plan.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < plan.length; at += size) yield plan.toSpliced(at, size)
  }
}

/**
 * Returns the plans one step smaller, the simplest first: without some rules, then with one rule simplified.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shrink = function* (plan: FaultPlan.FaultPlan): Iterable<FaultPlan.FaultPlan> {
  yield* without(plan)
  for (const [index, rule] of plan.entries()) for (const one of simpler(rule)) yield plan.with(index, one)
}

/** Limit of the search. @category models @since 0.1.0 */
export interface Options {
  /** Maximum number of plans that are tried. Default 1,000. */
  readonly maxRuns?: number | undefined
}

/** The smallest failing plan that was found. @category models @since 0.1.0 */
export interface Minimum {
  readonly plan: FaultPlan.FaultPlan
  /** Number of plans tried. */
  readonly runs: number
  /** True if no single step makes the plan smaller; false if `maxRuns` ended the search before. */
  readonly isMinimal: boolean
}

/** Delta debugging as a generator: yields a plan to try, and receives whether it fails. */
const search = function* (
  plan: FaultPlan.FaultPlan,
  maxRuns: number
): Generator<FaultPlan.FaultPlan, Minimum, boolean> {
  let best = plan
  let runs = 0
  // Irrelevant parts of a plan are large: after removing one, continue at the same position with the same size.
  for (let size = best.length; size >= 1; size = Math.min(best.length, Math.floor(size / 2))) {
    for (let at = 0; at < best.length; ) {
      if (runs++ === maxRuns) return { plan: best, runs: maxRuns, isMinimal: false }
      const smaller = best.toSpliced(at, size)
      if (yield smaller) best = smaller
      else at += size
    }
  }
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false
    for (const candidate of shrink(best)) {
      if (runs++ === maxRuns) return { plan: best, runs: maxRuns, isMinimal: false }
      if (!(yield candidate)) continue
      best = candidate
      isSmaller = true
      break
    }
  }
  return { plan: best, runs, isMinimal: true }
}

/**
 * Returns the smallest plan that steps reach through failing plans. The result is the same for the same plan and the
 * same outcomes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const minimise = (
  plan: FaultPlan.FaultPlan,
  fails: (plan: FaultPlan.FaultPlan) => boolean,
  { maxRuns = 1000 }: Options = {}
): Minimum => {
  const steps = search(plan, maxRuns)
  let step = steps.next()
  while (step.done !== true) step = steps.next(fails(step.value))
  return step.value
}

/** Shrinks a plan as `minimise` does, with an effectful test. @category combinators @since 0.1.0 */
export const minimiseEffect = Effect.fnUntraced(function* <E, R>(
  plan: FaultPlan.FaultPlan,
  fails: (plan: FaultPlan.FaultPlan) => Effect.Effect<boolean, E, R>,
  { maxRuns = 1000 }: Options = {}
) {
  const steps = search(plan, maxRuns)
  let step = steps.next()
  while (step.done !== true) step = steps.next(yield* fails(step.value))
  return step.value
})
