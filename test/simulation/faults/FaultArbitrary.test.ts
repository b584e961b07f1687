import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import * as FaultPlan from "../../../src/simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
const options: FaultArbitrary.Options = { hosts: ["a", "b"], faultyHosts: ["b"], kinds: ["ACK"], maxRules: 6 }
const actionsOf = (plan: FaultPlan.FaultPlan) => plan.map(({ action }) => action)
const isPlan = Schema.is(FaultPlan.FaultPlan)

const seen = (options: FaultArbitrary.Options, plans = 300) =>
  new Set(Array.from({ length: plans }, (_, seed) => actionsOf(FaultArbitrary.generate(seed, options))).flat())

describe("generate", () => {
  it("uses the actions of only, without those of except", () => {
    assert.sameMembers([...seen({ ...options, only: ["drop", "crash", "disk-slow"] })], ["drop", "crash", "disk-slow"])
    assert.sameMembers([...seen({ ...options, only: ["drop", "dup"], except: ["dup"] })], ["drop"])
    const some = seen({ ...options, except: ["crash", "jump", "reorder"] }, 2000)
    assert.isTrue(some.has("drop") && some.has("pause") && some.has("disk-error"))
    assert.isFalse(some.has("crash") || some.has("jump") || some.has("reorder"))
    assert.sameMembers([...seen({ ...options, transport: "udp", only: ["stall", "delay"] })], ["delay"])
  })

  it("fails if no action is left", () => {
    assert.throws(
      () => FaultArbitrary.generate(1, { hosts: ["a", "b"], only: ["crash", "jump"] }),
      'no fault can be generated: no action is left (only ["crash","jump"], except []); a partition needs two hosts, and faults of a host need faultyHosts'
    )
    assert.throws(() => FaultArbitrary.generate(1, { only: ["drop"], except: ["drop"] }))
    assert.throws(() => FaultArbitrary.generate(1, { transport: "tcp", only: ["drop"] }))
  })

  it("makes rules of clocks and disks seldom, unless it is asked for them", () => {
    const plans = Array.from({ length: 2000 }, (_, seed) => FaultArbitrary.generate(seed, options)).flat()
    const rare = plans.filter(({ action }) => /^(jump|drift|disk)/.test(action))
    assert.isAbove(rare.length, plans.length / 50)
    assert.isBelow(rare.length, plans.length / 5)
  })

  it("makes bursts, correlations, distributions and both signs of jumps", () => {
    const text = Array.from({ length: 2000 }, (_, seed) =>
      FaultPlanSyntax.format(FaultArbitrary.generate(seed, options))
    ).join("\n")
    for (const part of [
      "burst=",
      "correlation=",
      " normal",
      " pareto",
      " +1h",
      " -1h",
      "200ppm",
      "-50ppm",
      "kind=sync"
    ])
      assert.include(text, part)
  })
})

describe("mutate", () => {
  it.prop("returns a valid plan that differs in one rule, the same for the same seed", [Seed], ([seed]) => {
    let plan = FaultArbitrary.generate(seed, options)
    for (let step = 0; step < 20; step++) {
      const mutant = FaultArbitrary.mutate(plan, seed + step, options)
      assert.deepStrictEqual(FaultArbitrary.mutate(plan, seed + step, options), mutant)
      assert.isTrue(isPlan(mutant), FaultPlanSyntax.format(mutant))
      assert.isTrue(mutant.length >= 1 && mutant.length <= 6)
      assert.isAtMost(Math.abs(mutant.length - plan.length), 1)
      const known = new Set(plan.map(FaultPlanSyntax.formatRule))
      assert.isAtMost(mutant.filter((rule) => !known.has(FaultPlanSyntax.formatRule(rule))).length, 1)
      assert.isTrue(mutant.flatMap(FaultPlan.hostsOf).every((host) => host === "a" || host === "b"))
      plan = mutant
    }
  })

  it("adds a rule to the empty plan, and keeps a longer plan than maxRules", () => {
    const plan = FaultPlanSyntax.parseUnsafe("drop=#1, drop=#2, drop=#3")
    for (let seed = 0; seed < 200; seed++) {
      assert.strictEqual(FaultArbitrary.mutate([], seed, { only: ["drop"] }).length, 1)
      assert.isAtMost(FaultArbitrary.mutate(plan, seed, { only: ["drop"], maxRules: 1 }).length, 3)
    }
  })

  it("reaches numbers near those of a plan, other windows, and new actions", () => {
    const plan = FaultPlanSyntax.parseUnsafe("drop=#7, dup=20% burst=3 a>b @1s..2s, crash=b@1s..2s")
    const mutants = Array.from({ length: 2000 }, (_, seed) => FaultArbitrary.mutate(plan, seed, options))
    const texts = new Set(mutants.flat().map(FaultPlanSyntax.formatRule))
    for (const rule of ["drop=#6", "drop=#8", "dup=40% a>b @1s..2s", "dup=20% burst=3 b>a @1s..2s"])
      assert.isTrue(texts.has(rule), rule)
    assert.isAbove([...texts].filter((text) => /^crash=b@[\d.]+m?s\.\./.test(text)).length, 20)
    assert.isAbove(new Set(mutants.flatMap(actionsOf)).size, 12)
    assert.isAbove(mutants.filter((mutant) => mutant.length === 2).length, 100)
    assert.isAbove(mutants.filter((mutant) => mutant.length === 4).length, 300)
  })
})
