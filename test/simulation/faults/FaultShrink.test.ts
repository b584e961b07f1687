import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import * as FaultEngine from "../../../src/simulation/faults/FaultEngine.ts"
import * as FaultPlan from "../../../src/simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as FaultShrink from "../../../src/simulation/faults/FaultShrink.ts"

const hosts = ["a", "b"]
const periodNanos = 10_000_000_000
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
const options = { hosts, faultyHosts: ["b"], kinds: ["ACK"], maxRules: 6 }
const Plan = FaultArbitrary.make(options)
const hostActions = ["pause", "crash", "jump", "drift", "disk-error", "disk-full", "disk-slow"] as const
const isPlan = Schema.is(FaultPlan.FaultPlan)

const text = (plans: Iterable<FaultPlan.FaultPlan>) => Array.from(plans, FaultPlanSyntax.format)

describe("FaultShrink", () => {
  it("shrink removes rules first, large parts first, then simplifies each", () => {
    assert.deepStrictEqual(text(FaultShrink.shrink(FaultPlanSyntax.parseUnsafe("dup=#4, drop=5%, delay=20ms..40ms"))), [
      "",
      "drop=5%, delay=20ms..40ms",
      "dup=#4, delay=20ms..40ms",
      "dup=#4, drop=5%",
      ...[1, 2, 3].map((n) => `dup=#${n}, drop=5%, delay=20ms..40ms`),
      ...[1, 2, 3, 4, 5].map((n) => `dup=#4, drop=#${n}, delay=20ms..40ms`),
      ...[1, 2, 3, 4, 5].map((n) => `dup=#4, drop=5%, delay=#${n} 20ms..40ms`),
      "dup=#4, drop=5%, delay=20ms",
      "dup=#4, drop=5%, delay=40ms",
      "delay=20ms..40ms",
      "drop=5%",
      "dup=#4"
    ])
  })

  it.each([
    ["drop=#1", []],
    ["drop=#3..6", ["drop=#3", "drop=#6", "drop=#3..4", "drop=#5..6"]],
    ["drop=#3..", ["drop=#3", "drop=#4", "drop=#5"]],
    ["drop=#1 @1s..2s", ["drop=#1"]],
    ["drop=#1 a|b", ["drop=#1 a>b", "drop=#1 b>a"]],
    [
      "dup=#1:5 23457us",
      ["dup=#1 23457us", "dup=#1:3 23457us", "dup=#1:4 23457us", "dup=#1:5", "dup=#1:5 20ms", "dup=#1:5 23ms"]
    ],
    ["corrupt=#1:17", ["corrupt=#1:0", "corrupt=#1:8", "corrupt=#1:16"]],
    ["cut=#1:1", ["cut=#1"]],
    ["partition=a>b@2s..4s", ["partition=a>b@2s..3s", "partition=a>b@3s..4s"]],
    ["crash=a@2s..4s", ["crash=a@2s..3s", "crash=a@3s..4s"]],
    ["restart=a@2s", []],
    ["drop=#2..3 5% burst=8", ["drop=#2..3"]],
    ["drop=5% burst=8 a>b", [...[1, 2, 3, 4, 5].map((n) => `drop=#${n} a>b`), "drop=#1..8 a>b"]],
    ["dup=5% correlation=25%", [1, 2, 3, 4, 5].map((n) => `dup=#${n}`)],
    ["delay=#1 20ms~5ms pareto", ["delay=#1 20ms"]],
    ["bandwidth=1kB/s", []],
    [
      "bandwidth=30kB/s queue=1kB a|b",
      [
        "bandwidth=30kB/s queue=1kB a>b",
        "bandwidth=30kB/s queue=1kB b>a",
        "bandwidth=30kB/s a|b",
        "bandwidth=50kB/s queue=1kB a|b",
        "bandwidth=100kB/s queue=1kB a|b"
      ]
    ],
    ["jump=a@3s -90500ms", ["jump=a@3s -90s"]],
    ["jump=a@3s +1ms", []],
    ["drift=a@1s..5s -250ppm", ["drift=a@1s..3s -250ppm", "drift=a@3s..5s -250ppm", "drift=a@1s..5s -200ppm"]],
    ["disk-error=#3..4 a@1s..2s kind=sync", ["disk-error=#3 a@1s..2s kind=sync", "disk-error=#4 a@1s..2s kind=sync"]],
    ["disk-full=#1 a@1s..3s", ["disk-full=#1 a"]],
    ["disk-slow=#1 a 12ms", ["disk-slow=#1 a 10ms"]]
  ])("%s is simplified to %j", (rule, simpler) => {
    assert.deepStrictEqual(
      FaultShrink.simpler(FaultPlanSyntax.parseUnsafe(rule)[0]!).map(FaultPlanSyntax.formatRule),
      simpler
    )
  })

  it.prop("shrink returns different valid plans and always ends", [Plan, Seed], ([plan, seed]) => {
    let current = plan
    for (let steps = 0; ; steps++) {
      const smaller = [...FaultShrink.shrink(current)]
      const written = text(smaller)
      assert.isTrue(smaller.every((one) => isPlan(one)))
      assert.notInclude(written, FaultPlanSyntax.format(current))
      assert.isBelow(steps, 1000)
      // Takes one of the last steps, which remove least.
      const next = smaller.at(-1 - (seed % 3)) ?? smaller.at(-1)
      if (next === undefined) break
      current = next
    }
    assert.deepStrictEqual(current, [])
  })

  it.prop("minimise finds the one relevant rule among twenty, and shrinks it", [Seed], ([seed]) => {
    const others = Array.from({ length: 19 }, (_, i) => FaultArbitrary.generate(`${seed} ${i}`, { hosts })[0]!)
    const [culprit] = FaultPlanSyntax.parseUnsafe("dup=#7..12:3 20ms..90ms a|b kind=ACK @1s..9s")
    const isCulprit = (rule: FaultPlan.Rule) =>
      rule.action === "dup" &&
      rule.kind === "ACK" &&
      rule.nth!.from <= 9 &&
      rule.nth!.to! >= 9 &&
      (rule.pair!.both || rule.pair!.from.host === "b")
    const found = FaultShrink.minimise(others.toSpliced(seed % 20, 0, culprit!), (plan) => plan.some(isCulprit))
    assert.strictEqual(FaultPlanSyntax.format(found.plan), "dup=#9 b>a kind=ACK")
    assert.isTrue(found.isMinimal)
    assert.isBelow(found.runs, 100)
  })

  it.effect.prop("minimise is minimal, deterministic and limited by maxRuns", [Plan, Seed], ([plan, seed]) =>
    Effect.gen(function* () {
      // Fails if the remaining plan has enough weight.
      const weight = (plan: FaultPlan.FaultPlan) => FaultPlanSyntax.format(plan).length
      const minWeight = Math.floor((weight(plan) * (seed % 100)) / 100)
      const tried: Array<FaultPlan.FaultPlan> = []
      const fails = (candidate: FaultPlan.FaultPlan) => {
        tried.push(candidate)
        return weight(candidate) >= minWeight
      }
      const found = FaultShrink.minimise(plan, fails)
      assert.isTrue(found.isMinimal)
      assert.isAtLeast(weight(found.plan), minWeight)
      for (const smaller of FaultShrink.shrink(found.plan)) assert.isBelow(weight(smaller), minWeight)
      assert.strictEqual(found.runs, tried.length)
      const effect = FaultShrink.minimiseEffect(plan, (plan) => Effect.sync(() => fails(plan)))
      assert.deepStrictEqual(yield* effect, found)
      const limited = FaultShrink.minimise(plan, fails, { maxRuns: 3 })
      assert.isAtMost(limited.runs, 3)
      assert.strictEqual(limited.isMinimal, found.runs <= 3)
    })
  )

  it("minimise removes two rules that fail only together", () => {
    // The loss alone, with the repair, or the crash alone would be noticed: only the plan as a whole, or none of both.
    const fails = (plan: FaultPlan.FaultPlan) => {
      const has = (action: FaultPlan.Action) => plan.some((rule) => rule.action === action)
      return has("drop") && has("crash") === has("restart") && has("pause") === has("dup")
    }
    const plan = FaultPlanSyntax.parseUnsafe("crash=b@1s, dup=#2, drop=#1, delay=#1 1ms, restart=b@2s, pause=b@1s..2s")
    const found = FaultShrink.minimise(plan, fails)
    assert.strictEqual(FaultPlanSyntax.format(found.plan), "drop=#1")
    assert.isBelow(found.runs, 200)
  })

  it("minimise finds the duplicated packet that breaks a protocol", () => {
    // Stop and wait with the Sorcerer's Apprentice bug: a duplicate acknowledgement sends the next block twice.
    const fails = (engine: FaultEngine.FaultEngine) => {
      const way = { from: { address: "10.0.0.2", port: 1 }, to: { address: "10.0.0.1", port: 2 } }
      return Array.from({ length: 20 }, (_, block) => {
        const bytes = Uint8Array.of(block)
        const verdict = engine.decide({ transport: "udp", kind: "datagram", bytes, ...way }, block)
        return verdict._tag === "Datagrams" && verdict.copies.length > 1
      }).includes(true)
    }
    const nameOf = (address: string) => (address.endsWith("1") ? "client" : "server")
    const plan = FaultPlanSyntax.parseUnsafe("delay=20% 1ms..90ms, dup=20%, corrupt=10%, drop=30%, reorder=10%")
    const drawn = FaultEngine.make(plan, { seed: 3, nameOf })
    assert.isTrue(fails(drawn))
    const concrete = drawn.concrete()
    assert.isAbove(concrete.length, 10)
    const { plan: minimal } = FaultShrink.minimise(concrete, (plan) => fails(FaultEngine.make(plan, { nameOf })))
    assert.strictEqual(FaultPlanSyntax.format(minimal), "dup=#1 server>client")
  })
})

describe("FaultArbitrary", () => {
  it.prop("generate returns valid plans within its options", [Seed], ([seed]) => {
    for (const transport of ["udp", "tcp", undefined] as const) {
      const plan = FaultArbitrary.generate(seed, { ...options, transport })
      assert.isTrue(isPlan(plan))
      assert.isTrue(plan.length >= 1 && plan.length <= 6)
      assert.deepStrictEqual(FaultArbitrary.generate(seed, { ...options, transport }), plan)
      for (const rule of plan) {
        const window = "window" in rule ? rule.window : "at" in rule ? { to: ("until" in rule && rule.until) || 0 } : {}
        assert.isAtMost(window?.to ?? 0, periodNanos)
        assert.isTrue(FaultPlan.hostsOf(rule).every((host) => hosts.includes(host)))
        const duration = FaultPlan.durationOf(rule)
        assert.isAtMost(
          duration === undefined ? 0 : "to" in duration ? duration.to : duration.mean + 13 * duration.deviation,
          periodNanos / 10
        )
        if (FaultPlan.isHostRule(rule)) {
          assert.strictEqual(rule.host, "b")
          continue
        }
        if (transport !== undefined) assert.isTrue(FaultPlan.appliesTo(rule, transport))
        if (rule.pair !== undefined) assert.notStrictEqual(rule.pair.from.host, rule.pair.to.host)
        assert.isTrue(("nth" in rule && rule.nth?.to !== undefined) || window?.to !== undefined)
      }
    }
  })

  it("generate reaches every possible action, alone and combined, and no other", () => {
    const plans = Array.from({ length: 2000 }, (_, seed) => FaultArbitrary.generate(seed, options))
    const seen = (plans: ReadonlyArray<FaultPlan.FaultPlan>) =>
      new Set(plans.flatMap((plan) => plan.map(({ action }) => action)))
    const all = [...new Set([...FaultPlan.actions.udp, ...FaultPlan.actions.tcp, "partition", ...hostActions])]
    assert.sameMembers([...seen(plans)], all)
    assert.sameMembers([...seen(plans.filter((plan) => plan.length === 1))], all)
    assert.isAbove(plans.filter((plan) => seen([plan]).size === plan.length && plan.length > 2).length, 100)
    assert.isAbove(new Set(text(plans)).size, 1900)
    const lonely = Array.from({ length: 500 }, (_, seed) => FaultArbitrary.generate(seed, { transport: "udp" }))
    assert.sameMembers([...seen(lonely)], [...FaultPlan.actions.udp])
  })

  it.effect("make shrinks a failing plan", () =>
    Effect.gen(function* () {
      const fails = (plan: FaultPlan.FaultPlan) =>
        plan.some((rule) => rule.action === "drop" && rule.pair?.to.host === "b")
      const result = yield* Arbitrary.checkEffect(Plan, (plan) => !fails(plan), {
        runs: 2000,
        seed: 1,
        maxShrinks: 2000
      })
      assert(result._tag === "Falsified")
      assert.match(FaultPlanSyntax.format(result.shrunkInput), /^drop=#1 a[|>]b( kind=ACK)?$/)
    })
  )
})
