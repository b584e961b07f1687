import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as SimScheduler from "../../../src/simulation/runtime/SimScheduler.ts"

/** Three fibers that read a counter and write its value plus 1. */
const lost = Effect.flatMap(Ref.make(0), (counter) => {
  const increment = Effect.flatMap(Ref.get(counter), (n) => Ref.set(counter, n + 1))
  return Effect.andThen(Effect.all([increment, increment, increment], { concurrency: "unbounded" }), Ref.get(counter))
})

describe("SimScheduler's traces", () => {
  it.effect("take names from labels of the fiber or its parent, and steps from spans and functions", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* Effect.yieldNow.pipe(Effect.withSpan("spanned"))
        yield* Effect.fn("named")(function* () {
          yield* Effect.yieldNow
        })()
        const inner = Effect.yieldNow.pipe(SimScheduler.step("inner"))
        yield* Effect.andThen(inner, Effect.yieldNow).pipe(SimScheduler.step("outer"))
        return yield* Effect.fail("no")
      })
      const child = Effect.flatMap(Effect.forkChild(program), Fiber.join).pipe(SimScheduler.label("alice"))
      const { failure } = yield* Effect.flip(SimScheduler.explore(child))
      const [first, second, last] = failure!.trace
      assert.deepStrictEqual([first!.fiber, first!.name, first!.steps], [1, "alice", []])
      assert.deepStrictEqual([second!.fiber, second!.name], [2, "alice"])
      assert.deepStrictEqual(second!.steps, ["spanned", "named", "outer", "inner"])
      assert.deepStrictEqual([last!.fiber, last!.end], [1, "ended"])
    })
  )

  const seeds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))
  it.effect.prop("are equal for equal seeds", [seeds], ([seed]) =>
    Effect.promise(async () => {
      const run = async () => {
        const { decisions, scheduler, trace } = SimScheduler.make({ seed, preempt: 0.3 })
        const result = await Effect.runPromise(Effect.provideService(lost, Scheduler.Scheduler, scheduler))
        return { result, trace: trace(), decisions: decisions() }
      }
      const [one, other] = await Promise.all([run(), run()])
      assert.isAbove(one.trace.length, 4)
      assert.deepStrictEqual(one, other)
    })
  )

  it.effect("differ between seeds, as do results", () =>
    Effect.promise(async () => {
      const traces = new Set<string>()
      const results = new Set<number>()
      for (let seed = 1; seed <= 50; seed++) {
        const { scheduler, trace } = SimScheduler.make({ seed })
        results.add(await Effect.runPromise(Effect.provideService(lost, Scheduler.Scheduler, scheduler)))
        traces.add(JSON.stringify(trace()))
      }
      assert.sameMembers([...results], [1, 2, 3])
      assert.isAbove(traces.size, 10)
    })
  )
})
