/** Durations of faults: their bounds, and those drawn from the seed. */
import type * as FaultPlan from "./FaultPlan.ts"
import * as FaultRandom from "./FaultRandom.ts"

/** A fixed duration. */
export const exactly = (time: number): FaultPlan.Range => ({ from: time, to: time })

export const isRange = (duration: FaultPlan.AnyDuration): duration is FaultPlan.Range => "from" in duration

export const isFixed = (duration: FaultPlan.AnyDuration): boolean => isRange(duration) && duration.from === duration.to

/**
 * The Pareto distribution with exponent 3, as netem has it, cut off at ten times its minimum, so that a delay has a
 * maximum. Mean and deviation are those of the distribution after the cut.
 */
const pareto = (() => {
  const max = 10
  const part = 1 - max ** -3
  const mean = (1.5 * (1 - max ** -2)) / part
  const square = (3 * (1 - 1 / max)) / part
  const deviation = Math.sqrt(square - mean ** 2)
  return {
    min: (1 - mean) / deviation,
    max: (max - mean) / deviation,
    of: (chance: number) => (1 / Math.cbrt(1 - part * chance) - mean) / deviation
  }
})()

/** Deviations from the mean at which the normal distribution is cut off, as that of netem. */
const maxNormalDeviations = 4

/** Method of Box and Muller. */
const normalOf = (one: number, other: number) => {
  const drawn = Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * other)
  return Math.max(-maxNormalDeviations, Math.min(maxNormalDeviations, drawn))
}

/** Returns the shortest and the longest duration. */
export const bounds = (duration: FaultPlan.AnyDuration): FaultPlan.Range => {
  if (isRange(duration)) return duration
  const { deviation, mean, shape } = duration
  const [min, max] = shape === "normal" ? [-maxNormalDeviations, maxNormalDeviations] : [pareto.min, pareto.max]
  return { from: Math.max(0, Math.floor(mean + min * deviation)), to: Math.ceil(mean + max * deviation) }
}

/** Granularity of durations, so that people can read them: microseconds if the plan has no finer ones. */
const stepOf = (one: number, other: number) => (one % 1000 === 0 && other % 1000 === 0 ? 1000 : 1)

/** Draws the duration of the nth fault of a rule: whole microseconds if those of the plan are. */
export const draw = (duration: FaultPlan.AnyDuration, key: number, n: number): number => {
  const chance = FaultRandom.draw(key, n, 1)
  if (isRange(duration)) {
    const { from, to } = duration
    if (from === to) return from
    const step = stepOf(from, to)
    return from + step * Math.min(Math.floor(((to - from) / step + 1) * chance), (to - from) / step)
  }
  const { deviation, mean, shape } = duration
  const step = stepOf(mean, deviation)
  const deviations = shape === "pareto" ? pareto.of(chance) : normalOf(chance, FaultRandom.draw(key, n, 2))
  return Math.max(0, Math.round((mean + deviations * deviation) / step) * step)
}
