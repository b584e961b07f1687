/**
 * Shrinks failing fault plans. A plan is smaller than another if it has fewer rules, hits fewer packets, or has smaller
 * numbers. Every step makes the plan smaller, so shrinking ends.
 */
import * as Effect from "effect/Effect"
import * as FaultDuration from "./FaultDuration.ts"
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

const { exactly } = FaultDuration

const isFirst = (value: number, i: number, all: ReadonlyArray<number>) => all.indexOf(value) === i

/** Returns rounder numbers towards 0, with the same sign. */
const rounderNumbers = (n: number, steps: ReadonlyArray<number>): ReadonlyArray<number> =>
  steps
    .map((step) => Math.sign(n) * Math.floor(Math.abs(n) / step) * step)
    .filter((one) => one !== 0 && Math.abs(one) < Math.abs(n))
    .filter(isFirst)

const durationSteps = [1000 * nanosPerMilli, 100 * nanosPerMilli, 10 * nanosPerMilli, nanosPerMilli]

/** Returns fixed durations for a range, and rounder ones for a fixed duration. */
const shorterRanges = ({ from, to }: FaultPlan.Range): ReadonlyArray<FaultPlan.Range> =>
  from < to ? [exactly(from), exactly(to)] : rounderNumbers(from, durationSteps).map(exactly)

/** Returns fixed durations for one that is drawn, and rounder ones for a fixed duration. */
const shorterDurations = (duration: FaultPlan.AnyDuration): ReadonlyArray<FaultPlan.Range> =>
  FaultDuration.isRange(duration) ? shorterRanges(duration) : [exactly(duration.mean)]

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
      return shorterDurations(rule.by).map((by) => ({ ...rule, by }))
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

/** The first matches one by one, in place of a rate or of all. */
const firstMatches = [1, 2, 3, 4, 5].map(single)

/** Returns numbered matches in place of a rate: the given ones if the rule has some, else the first. */
const numbered = ({ burst, nth, percent }: FaultPlan.Chance): ReadonlyArray<FaultPlan.Nth> => {
  if (nth === undefined) return burst === undefined ? firstMatches : [...firstMatches, { from: 1, to: burst }]
  return percent === undefined ? fewerPackets(nth) : [nth]
}

/** Returns rules that apply to single matches, with and without their window. */
const fewerMatches = <R extends PacketRule | FaultPlan.DiskRule>(rule: R): ReadonlyArray<R> => {
  const { burst: _burst, correlation: _correlation, percent: _percent, ...certain } = rule
  const { window, ...always } = rule
  const isSingle = rule.nth !== undefined && rule.nth.to === rule.nth.from
  return [
    ...numbered(rule).map((nth) => ({ ...certain, nth }) as R),
    ...(window !== undefined && isSingle ? [always as R] : [])
  ]
}

const simplerPackets = (rule: PacketRule): ReadonlyArray<PacketRule> => [
  ...fewerMatches(rule),
  ...(rule.pair === undefined ? [] : oneWayPairs(rule.pair).map((pair) => ({ ...rule, pair }))),
  ...milderRules(rule)
]

const simplerDisks = (rule: FaultPlan.DiskRule): ReadonlyArray<FaultPlan.DiskRule> => [
  ...fewerMatches(rule),
  ...(rule.action === "disk-slow" ? shorterDurations(rule.by).map((by) => ({ ...rule, by })) : [])
]

/** The highest bandwidth to which another one is rounded. */
const maxBytesPerSecond = 1e12

/** Returns the queue without its limit, then higher and rounder bandwidths. */
const simplerBandwidths = (rule: FaultPlan.Bandwidth): ReadonlyArray<FaultPlan.Bandwidth> => {
  const power = 10 ** Math.ceil(Math.log10(rule.rate))
  const rates = [power / 5, power / 2, power].filter((rate) => rate > rule.rate && rate <= maxBytesPerSecond)
  return [
    ...(rule.queue < FaultPlan.defaultQueueBytes ? [{ ...rule, queue: FaultPlan.defaultQueueBytes }] : []),
    ...rates.map((rate) => ({ ...rule, rate }))
  ]
}

const ppmSteps = [100_000, 10_000, 1000, 100, 10, 1]

const simplerHosts = (rule: Exclude<FaultPlan.HostRule, FaultPlan.DiskRule>): ReadonlyArray<Rule> => {
  if (rule.action === "jump") return rounderNumbers(rule.by, durationSteps).map((by) => ({ ...rule, by }))
  const { at, until } = { until: undefined, ...rule }
  const shorter = until === undefined ? [] : shorterWindows({ from: at, to: until })
  return [
    ...shorter.map(({ from, to }) => ({ ...rule, at: from, until: to! })),
    ...(rule.action === "drift" ? rounderNumbers(rule.ppm, ppmSteps).map((ppm) => ({ ...rule, ppm })) : [])
  ]
}

/** Returns simpler rules, the simplest first. @category combinators @since 0.1.0 */
export const simpler = (rule: Rule): ReadonlyArray<Rule> => {
  if (FaultPlan.isDiskRule(rule)) return simplerDisks(rule)
  if (FaultPlan.isHostRule(rule)) return simplerHosts(rule)
  if (rule.action !== "partition" && rule.action !== "bandwidth") return simplerPackets(rule)
  return [
    ...(rule.pair === undefined ? [] : oneWayPairs(rule.pair).map((pair) => ({ ...rule, pair }))),
    ...(rule.window === undefined ? [] : shorterWindows(rule.window).map((window) => ({ ...rule, window }))),
    ...(rule.action === "bandwidth" ? simplerBandwidths(rule) : [])
  ]
}

/** Returns the plan without some of its rules, large parts first. */
const without = function* (plan: FaultPlan.FaultPlan): Iterable<FaultPlan.FaultPlan> {
  for (let size = plan.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < plan.length; at += size) yield plan.toSpliced(at, size)
  }
}

/** Number of rules up to which each two are removed together: a larger plan has too many pairs. */
const maxPairedRules = 24

/** Returns the plan without any two rules, such as a fault and the one that makes up for it. */
const withoutTwo = function* (plan: FaultPlan.FaultPlan): Iterable<FaultPlan.FaultPlan> {
  if (plan.length < 3 || plan.length > maxPairedRules) return
  for (let one = 0; one < plan.length; one++) {
    for (let other = one + 1; other < plan.length; other++) {
      yield plan.filter((_, index) => index !== one && index !== other)
    }
  }
}

/**
 * Returns the plans one step smaller: without some rules, then with one rule simplified, then without any two rules.
 * The simplest are first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const shrink = function* (plan: FaultPlan.FaultPlan): Iterable<FaultPlan.FaultPlan> {
  yield* without(plan)
  for (const [index, rule] of plan.entries()) for (const one of simpler(rule)) yield plan.with(index, one)
  yield* withoutTwo(plan)
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
