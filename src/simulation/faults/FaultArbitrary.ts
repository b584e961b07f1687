/**
 * Generates fault plans for tests: few rules, small numbers, and a random subset of the actions in each plan.
 *
 * The subset (swarm testing) lets one plan show what a fault of another plan hides. No fault begins after
 * `faultPeriod`, except that of an nth packet which is sent later, and no fault lasts longer than `maxDuration`; the
 * network is healthy afterwards.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as FaultGenerate from "./FaultGenerate.ts"
import * as FaultMutate from "./FaultMutate.ts"
import * as FaultPlan from "./FaultPlan.ts"
import type * as FaultRandom from "./FaultRandom.ts"
import * as FaultShrink from "./FaultShrink.ts"

/** Contents of generated plans. @category models @since 0.1.0 */
export type Options = FaultGenerate.Options

/**
 * Generates the plan of a seed. Throws if the options leave no action.
 *
 * **Example** (The actions to use)
 *
 * ```ts
 * import { FaultArbitrary } from "effect-inet/simulation"
 *
 * const plan = FaultArbitrary.generate(1, { hosts: ["a", "b"], only: ["drop", "dup"] })
 * plan.every(({ action }) => action === "drop" || action === "dup") // => true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const generate = (seed: FaultRandom.Seed, options: Options = {}): FaultPlan.FaultPlan =>
  FaultGenerate.generate(seed, options)

/**
 * Returns a plan that differs in one rule, which is changed, added, repeated with another value, or removed. New rules
 * are within the options, and the number of rules does not exceed `maxRules` nor that of the plan.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mutate = (plan: FaultPlan.FaultPlan, seed: FaultRandom.Seed, options: Options = {}): FaultPlan.FaultPlan =>
  FaultMutate.mutate(plan, seed, options)

/**
 * Creates an arbitrary of plans, one for each seed; failing plans are shrunk by `FaultShrink.shrink`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Arbitrary.Arbitrary<FaultPlan.FaultPlan> => {
  const seeds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
  const plans = Schema.declare(Schema.is(FaultPlan.FaultPlan), {
    toCodecArbitrary: () =>
      Schema.link<FaultPlan.FaultPlan>()(seeds, {
        decode: SchemaGetter.transform((seed: number) => generate(seed, options)),
        encode: SchemaGetter.forbiddenEncoding
      })
  })
  return Arbitrary.schema(plans, { shrink: (plan) => Array.from(FaultShrink.shrink(plan)) })
}
