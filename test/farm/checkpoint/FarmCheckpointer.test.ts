import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as FarmCheckpoint from "../../../src/farm/FarmCheckpoint.ts"
import * as FarmCheckpointer from "../../../src/farm/FarmCheckpointer.ts"
import { CheckpointFailed, FarmError } from "../../../src/farm/FarmError.ts"
import type { PacketSource } from "../../../src/farm/PacketSource.ts"
import { job } from "../jobs/odd.ts"
import * as MemoryCheckpoint from "./MemoryCheckpoint.ts"

const input = { to: 10 }

const stateOf = (splitUnits: number): FarmCheckpoint.State<never, number> => ({
  ...{ splitUnits, unfinished: [], skipped: [], output: splitUnits }
})

const textOf = (splitUnits: number) =>
  Effect.map(
    FarmCheckpoint.make(job, job.checkpoint!, { input, kind: "run", path: "memory" }).write(stateOf(splitUnits)),
    (parts) => parts.join("")
  )

/** A source whose packets end at units that a test gives, or that fails. */
const sourceOf = (skip: PacketSource<never>["skip"]): PacketSource<never> => ({
  ...{ total: 10, initialSize: 1, next: () => undefined, fetch: () => Effect.void },
  skip
})

const whole = sourceOf(Effect.succeed)

const failed = new FarmError({ reason: new CheckpointFailed({ path: "memory", detail: "over" }) })

describe("FarmCheckpointer", () => {
  it.effect("locks the store before it reads it, until the end of the run", () =>
    Effect.gen(function* () {
      const { checkpoint } = MemoryCheckpoint.make()
      const steps: Array<string> = []
      const step = (name: string) => Effect.sync(() => void steps.push(name))
      const lock = Effect.acquireRelease(step("locked"), () => step("unlocked"))
      const read = Effect.as(step("read"), undefined)
      yield* Effect.scoped(
        Effect.andThen(
          FarmCheckpointer.make(job, input, whole, { checkpoint: { ...checkpoint, lock, read } }, "run"),
          step("run")
        )
      )
      assert.deepStrictEqual(steps, ["locked", "read", "run", "unlocked"])
    })
  )

  it.effect("refuses a source that fails, or does not stop, where the checkpoint continues", () =>
    Effect.gen(function* () {
      const { checkpoint, saved } = MemoryCheckpoint.make()
      saved.text = yield* textOf(4)
      const resume = (source: PacketSource<never>) => FarmCheckpointer.make(job, input, source, { checkpoint }, "run")
      assert.deepInclude((yield* resume(whole)).resumed, stateOf(4))
      const messageOf = (skip: PacketSource<never>["skip"]) =>
        Effect.map(Effect.flip(resume(sourceOf(skip))), ({ message }) => message)
      assert.strictEqual(
        yield* messageOf(() => Effect.fail(new Error("no file"))),
        "memory: cannot resume: the source failed before unit 4: Error: no file; remove the checkpoint"
      )
      assert.strictEqual(
        yield* messageOf(() => Effect.succeed(6)),
        "memory: cannot resume: the source stopped at unit 6, the checkpoint at unit 4; remove the checkpoint"
      )
    })
  )

  it.effect("writes the state at the begin, at intervals, and at the end of a run that fails", () =>
    Effect.gen(function* () {
      const { checkpoint, saved } = MemoryCheckpoint.make()
      const options = { checkpoint, checkpointInterval: "2 seconds" } as const
      const { saveWhile } = yield* FarmCheckpointer.make(job, input, whole, options, "run")
      const now = { splitUnits: 0 }
      const run = (ended: Effect.Effect<void, FarmError>) =>
        Effect.forkChild(Effect.result(saveWhile(ended, () => stateOf(now.splitUnits))), { startImmediately: true })
      const over = yield* Deferred.make<void, FarmError>()
      const failing = yield* run(Deferred.await(over))
      for (const [splitUnits, seconds] of [
        [3, 2],
        [5, 2]
      ] as const) {
        now.splitUnits = splitUnits
        yield* TestClock.adjust(`${seconds} seconds`)
        assert.strictEqual(saved.text, yield* textOf(splitUnits))
      }
      now.splitUnits = 7
      yield* TestClock.adjust("1 second")
      assert.strictEqual(saved.writes, 3)
      yield* Deferred.fail(over, failed)
      assert.deepInclude(yield* Fiber.join(failing), { _tag: "Failure", failure: failed })
      assert.strictEqual(saved.text, yield* textOf(7))
      assert.deepInclude(yield* Fiber.join(yield* run(Effect.void)), { _tag: "Success" })
      assert.isUndefined(saved.text)
    })
  )

  it.effect("writes nothing once a result is missing in the output", () =>
    Effect.gen(function* () {
      const { checkpoint, saved } = MemoryCheckpoint.make()
      const { saveWhile } = yield* FarmCheckpointer.make(job, input, whole, { checkpoint }, "run")
      assert.strictEqual(yield* Effect.flip(saveWhile(Effect.fail(failed), () => undefined)), failed)
      assert.strictEqual(saved.writes, 0)
    })
  )
})
