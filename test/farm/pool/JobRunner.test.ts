import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { FarmError } from "../../../src/farm/FarmError.ts"
import * as Job from "../../../src/farm/Job.ts"
import * as JobRunner from "../../../src/farm/pool/JobRunner.ts"
import * as SimWorkers from "../SimWorkers.ts"

const job = Job.make({
  ...{ name: "roots", version: 1, packet: Schema.Number, result: Schema.Number },
  split: (packets: ReadonlyArray<number>) => packets,
  work: (square: number) => {
    if (square < 0) throw new RangeError(`${square} has no root`)
    return Math.sqrt(square)
  },
  empty: 0,
  merge: (sum: number, root: number) => sum + root
})

/** Runs a job by the service, in virtual time. */
const run = (packets: ReadonlyArray<number>, options?: Partial<JobRunner.RunOptions>) => {
  const { workers } = SimWorkers.make(job, [1], () => 1)
  return Effect.gen(function* () {
    const runner = yield* JobRunner.JobRunner
    const fiber = yield* Effect.forkChild(Effect.result(runner.run(job, packets, { key: "sum", ...options })))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(JobRunner.layer({ workers })))
}

describe("JobRunner", () => {
  it.effect("runs a job with its options on the workers of the layer", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* run([1, 4, 9]), { _tag: "Success", success: 6 })
      assert.deepInclude(yield* run([1, -4, 9], { onPoison: "skip" }), { _tag: "Success", success: 4 })
    })
  )

  it.effect("fails with the error of the farm as the cause", () =>
    Effect.gen(function* () {
      const result = yield* run([1, -4], { maxAttempts: 1 })
      if (result._tag === "Success") return assert.fail()
      const { cause, message } = result.failure
      assert.strictEqual(message, "packet 1 -4 failed once: worker 0: -4 has no root")
      if (!(cause instanceof FarmError)) return assert.fail(String(cause))
      assert.strictEqual(cause.reason._tag, "PoisonPacket")
    })
  )
})
