/** Next plans of an exploration: mutations of a plan that reached something new, and mixtures of two. */
import * as FaultArbitrary from "../faults/FaultArbitrary.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"

type Plan = FaultPlan.FaultPlan

/** Most mutations of one plan at once. */
const maxMutations = 4

const endOf = (rule: FaultPlan.Rule): number => {
  if ("until" in rule && rule.until !== undefined) return rule.until
  if ("at" in rule) return rule.at
  return "window" in rule ? (rule.window?.to ?? 0) : 0
}

/** Plans that show what a function generates. */
const samples = 32

/** Returns the options that generate plans like those of a function: their actions, hosts and times. */
export const optionsLike = (generate: (seed: number) => Plan): FaultArbitrary.Options => {
  const plans = Array.from({ length: samples }, (_, seed) => generate(seed + 1))
  const rules = plans.flat()
  const endNanos = Math.max(0, ...rules.map(endOf))
  return {
    hosts: [...new Set(rules.flatMap(FaultPlan.hostsOf))],
    faultyHosts: [...new Set(rules.filter(FaultPlan.isHostRule).map(({ host }) => host))],
    only: [...new Set(rules.map(({ action }) => action))],
    maxRules: Math.max(1, ...plans.map((plan) => plan.length)),
    ...(endNanos === 0 ? {} : { faultPeriod: endNanos / 1e6 })
  }
}

/** Returns a plan with the rules of two, each taken with a probability of one half. */
const mix = (one: Plan, other: Plan, maxRules: number, random: () => number): Plan => {
  const taken = [...one, ...other].filter(() => random() < 0.5)
  return taken.length === 0 ? one : taken.slice(0, maxRules)
}

/** Returns a plan near to another one: mutated one to four times, at times mixed with a second one before. */
export const next = (
  plan: Plan,
  second: Plan | undefined,
  options: FaultArbitrary.Options,
  random: () => number
): Plan => {
  const maxRules = Math.max(options.maxRules ?? 4, plan.length)
  let result = second !== undefined && random() < 0.2 ? mix(plan, second, maxRules, random) : plan
  for (let count = 0; count < maxMutations; count++) {
    result = FaultArbitrary.mutate(result, Math.floor(random() * 2 ** 32), options)
    if (random() < 0.5) break
  }
  return result
}
