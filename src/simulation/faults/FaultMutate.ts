/** Mutates a plan: changes one or two of its rules. */
import * as FaultDuration from "./FaultDuration.ts"
import * as FaultGenerate from "./FaultGenerate.ts"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultRandom from "./FaultRandom.ts"

type Rule = FaultPlan.Rule

const nanosPerMilli = 1_000_000

/** Limits of times, in nanoseconds. */
type Limits = ReturnType<typeof FaultGenerate.make>["limits"]

/** Returns the time moved or scaled, in whole milliseconds, from 0 to `max`. */
const movedTime = (time: number, max: number, { below, pick }: FaultGenerate.Draws) => {
  const part = pick([0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]) * time + (below(21) - 10) * nanosPerMilli
  return Math.min(max, Math.max(0, Math.round(part / nanosPerMilli) * nanosPerMilli))
}

const movedNumber = (n: number, min: number, { below, upTo, withProbability }: FaultGenerate.Draws) =>
  Math.max(min, withProbability(0.5) ? n + (withProbability(0.5) ? 1 : -1) : below(2) * n + upTo(4) - 2)

/** Returns a rule with other numbers for its matches, or another rate. */
const movedChance = (chance: FaultPlan.Chance, draws: FaultGenerate.Draws): FaultPlan.Chance => {
  if (chance.nth !== undefined) {
    const from = movedNumber(chance.nth.from, 1, draws)
    const length = chance.nth.to === undefined ? undefined : chance.nth.to - chance.nth.from
    return { nth: length === undefined ? { from } : { from, to: from + movedNumber(length, 0, draws) } }
  }
  if (chance.percent === undefined) return { nth: { from: draws.mostlySmall(10) } }
  return { percent: Math.min(40, Math.max(1, Math.round(chance.percent * draws.pick([0.5, 2])))) }
}

const movedWindow = (window: FaultPlan.Window, max: number, draws: FaultGenerate.Draws): FaultPlan.Window => {
  const from = Math.min(movedTime(window.from, max, draws), Math.max(0, max - nanosPerMilli))
  if (window.to === undefined) return { from }
  const to = movedTime(window.to, max, draws)
  return { from, to: Math.max(from + nanosPerMilli, to) }
}

const movedDuration = (duration: FaultPlan.AnyDuration, max: number, draws: FaultGenerate.Draws) =>
  FaultDuration.exactly(
    Math.max(nanosPerMilli, movedTime(FaultDuration.isRange(duration) ? duration.from : duration.mean, max, draws))
  )

/** Ways to change one rule; each returns undefined if it does not apply to the rule. */
const tweaks: ReadonlyArray<(rule: Rule, limits: Limits, draws: FaultGenerate.Draws) => Rule | undefined> = [
  (rule, _, draws) => {
    if (!("nth" in rule || "percent" in rule)) return undefined
    const { burst: _burst, correlation: _correlation, nth: _nth, percent: _percent, ...rest } = rule
    return { ...rest, ...movedChance(rule, draws) } as Rule
  },
  (rule, { periodNanos }, draws) =>
    "window" in rule && rule.window !== undefined
      ? { ...rule, window: movedWindow(rule.window, periodNanos, draws) }
      : undefined,
  (rule, { periodNanos }, draws) => {
    if (!("at" in rule)) return undefined
    const window = "until" in rule && rule.until !== undefined ? { from: rule.at, to: rule.until } : { from: rule.at }
    const { from, to } = movedWindow(window, periodNanos, draws)
    return { ...rule, at: from, ...(to === undefined ? {} : { until: to }) } as Rule
  },
  (rule, { maxNanos }, draws) => {
    const duration = FaultPlan.durationOf(rule)
    if (duration === undefined) return undefined
    const time = movedDuration(duration, maxNanos, draws)
    const name = { dup: "after", reorder: "within", stall: "for" }[rule.action as string] ?? "by"
    return { ...rule, [name]: time } as Rule
  },
  (rule) => {
    if (!("pair" in rule) || rule.pair === undefined) return undefined
    const { both, from, to } = rule.pair
    return { ...rule, pair: { from: to, to: from, both } }
  }
]

/** Returns a rule with one of its values changed; the same rule if it has none that can be changed. */
const tweaked = (rule: Rule, limits: Limits, draws: FaultGenerate.Draws): Rule => {
  const first = draws.below(tweaks.length)
  for (let i = 0; i < tweaks.length; i++) {
    const changed = tweaks[(first + i) % tweaks.length]!(rule, limits, draws)
    if (changed !== undefined) return changed
  }
  return rule
}

/** Parts of a mutation: the plan, and the position of the rule that is changed. */
interface Context {
  readonly plan: FaultPlan.FaultPlan
  readonly at: number
  readonly generated: () => Rule
  readonly tweaked: (rule: Rule) => Rule
}

/** Ways to change a plan that has a rule, each as often as it is likely. */
const changes: ReadonlyArray<(context: Context) => FaultPlan.FaultPlan> = [
  ({ at, plan, tweaked }) => plan.with(at, tweaked(plan[at]!)),
  ({ at, plan, tweaked }) => plan.with(at, tweaked(tweaked(plan[at]!))),
  ({ at, generated, plan }) => plan.with(at, generated()),
  ({ at, generated, plan }) => plan.toSpliced(at, 0, generated()),
  ({ at, plan, tweaked }) => plan.toSpliced(at, 0, tweaked(plan[at]!)),
  ({ at, plan }) => plan.toSpliced(at, 1)
]

/** Returns the plan with one rule changed, added, repeated with another value, or removed. */
export const mutate = (
  plan: FaultPlan.FaultPlan,
  seed: FaultRandom.Seed,
  options: FaultGenerate.Options
): FaultPlan.FaultPlan => {
  const draws = FaultGenerate.drawsFrom(FaultRandom.sequence(`mutation ${seed}`))
  const { limits, possible, rule } = FaultGenerate.make(options, draws)
  const generated = () => rule(draws.pick(possible))
  if (plan.length === 0) return [generated()]
  const context = {
    plan,
    at: draws.below(plan.length),
    generated,
    tweaked: (rule: Rule) => tweaked(rule, limits, draws)
  }
  const changed = draws.pick(changes)(context)
  const isTooLong = changed.length > Math.max(plan.length, options.maxRules ?? 4)
  return isTooLong || changed.length === 0 ? changes[0]!(context) : changed
}
