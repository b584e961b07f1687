import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import * as FaultEngine from "../../../src/simulation/faults/FaultEngine.ts"
import type * as FaultPlan from "../../../src/simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"

const millis = 1_000_000
const second = 1000 * millis

const engine = (text: string, options?: FaultEngine.Options) =>
  FaultEngine.make(FaultPlanSyntax.parseUnsafe(text), options)

const operations = ["read", "write", "sync", "other"] as const
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))

/** Returns the faults of operations that two hosts perform within ten seconds. */
const diskFaults = (engine: FaultEngine.FaultEngine, seed: number, count = 200) => {
  const random = FaultRandom.sequence(`operations ${seed}`)
  return Array.from({ length: count }, (_, i) => {
    const host = random() < 0.7 ? "a" : "b"
    return engine.diskFault(host, operations[Math.floor(random() * 4)]!, (i * 10 * second) / count)
  })
}

describe("clocks", () => {
  it("jumps and drifts are events of hosts, a drift with its end", () => {
    const { counts, faultsEnd, hostEvents, recordHostEvent } = engine(
      "jump=a@3s +1h, drift=b@1s..5s -50ppm, jump=a@2s -500ms, drift=a@4s 200ppm",
      { startNanos: second }
    )
    assert.deepStrictEqual(hostEvents(), [
      { at: 2 * second, host: "b", ruleIndex: 1, event: "drift", ppm: -50 },
      { at: 3 * second, host: "a", ruleIndex: 2, event: "jump", by: -500 * millis },
      { at: 4 * second, host: "a", ruleIndex: 0, event: "jump", by: 3600 * second },
      { at: 5 * second, host: "a", ruleIndex: 3, event: "drift", ppm: 200 },
      { at: 6 * second, host: "b", ruleIndex: 1, event: "drift", ppm: 0 }
    ])
    for (const event of hostEvents()) recordHostEvent(event)
    assert.deepStrictEqual(counts(), [1, 1, 1, 1])
    assert.strictEqual(faultsEnd(), 6 * second)
  })
})

describe("disks", () => {
  it("disk-error fails the selected operations of its host", () => {
    const { counts, diskFault } = engine("disk-error=#2 a kind=sync @1s.., disk-error=#4 a")
    const faults = [
      diskFault("a", "sync", 0),
      diskFault("b", "sync", second),
      diskFault("a", "sync", second),
      diskFault("a", "write", second),
      diskFault("a", "sync", 2 * second),
      diskFault("a", "sync", 2 * second)
    ]
    const error: FaultEngine.DiskFault = { error: "EIO", delayNanos: 0 }
    assert.deepStrictEqual(faults, [undefined, undefined, undefined, undefined, error, undefined])
    // The fourth operation is the one that fails already; it counts for both rules.
    assert.deepStrictEqual(counts(), [1, 0])
  })

  it("disk-full fails writes only, while its window is open", () => {
    const { diskFault } = engine("disk-full=a@1s..3s", { startNanos: second })
    const errors = (at: number) => operations.map((operation) => diskFault("a", operation, at)?.error)
    const isFull = [undefined, "ENOSPC", undefined, undefined]
    assert.deepStrictEqual(
      [1.9, 2, 3.9, 4].map((at) => errors(at * second)[1]),
      [undefined, "ENOSPC", "ENOSPC", undefined]
    )
    assert.deepStrictEqual(errors(3 * second), isFull)
  })

  it("disk-slow adds a time, also to operations that fail", () => {
    const { diskFault } = engine("disk-slow=a 10ms, disk-slow=a 10ms..50ms kind=write, disk-error=a kind=sync")
    assert.deepStrictEqual(diskFault("a", "read", 0), { delayNanos: 10 * millis })
    assert.deepStrictEqual(diskFault("a", "sync", 0), { error: "EIO", delayNanos: 10 * millis })
    const times = Array.from({ length: 500 }, () => diskFault("a", "write", 0)!.delayNanos / millis)
    assert.isBelow(Math.min(...times), 21)
    assert.isAbove(Math.max(...times), 59)
    assert.isTrue(times.every((time) => time >= 20 && time <= 60))
  })

  it("a plan without rules about disks has no faults", () => {
    assert.strictEqual(engine("drop, crash=a@1s").diskFault("a", "write", second), undefined)
  })

  it("heal ends the faults of disks", () => {
    const { diskFault, faultsEnd, heal } = engine("disk-error=50% a burst=3")
    assert.strictEqual(faultsEnd(), undefined)
    heal(second)
    for (let i = 0; i < 20; i++) assert.strictEqual(diskFault("a", "write", second), undefined)
    assert.strictEqual(faultsEnd(), second)
  })

  it("a rate applies to its part of 20,000 operations", () => {
    for (const percent of [1, 20]) {
      const { diskFault } = engine(`disk-error=${percent}% a`, { seed: 1 })
      let hits = 0
      for (let i = 0; i < 20_000; i++) if (diskFault("a", "write", i) !== undefined) hits++
      const rate = percent / 100
      assert.closeTo(hits, 20_000 * rate, 3 * Math.sqrt(20_000 * rate * (1 - rate)))
    }
  })

  it.prop("the concrete plan has the same faults without random choices", [Seed], ([seed]) => {
    const plan: FaultPlan.FaultPlan = [
      ...FaultArbitrary.generate(seed, {
        faultyHosts: ["a", "b"],
        only: ["disk-error", "disk-full", "disk-slow"],
        maxRules: 6
      }),
      ...FaultPlanSyntax.parseUnsafe("disk-error=10% a burst=2, disk-slow=30% b 1ms~100us pareto, disk-full=5% a")
    ]
    const drawn = FaultEngine.make(plan, { seed })
    const expected = diskFaults(drawn, seed)
    const concrete = drawn.concrete()
    assert.isTrue(concrete.every((rule) => !("percent" in rule)))
    assert.deepStrictEqual(FaultPlanSyntax.parseUnsafe(FaultPlanSyntax.format(concrete)), concrete)
    const settled = FaultEngine.make(concrete, { seed: seed + 1 })
    assert.deepStrictEqual(diskFaults(settled, seed), expected)
    const limited = FaultEngine.make(plan, { seed, maxRecordedFaults: 2 })
    diskFaults(limited, seed)
    assert.deepStrictEqual(diskFaults(FaultEngine.make(limited.concrete(), { seed }), seed), expected)
  })
})
