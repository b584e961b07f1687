import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import * as clusterLogs from "../../../../src/cli/run/farm/clusterLogs.ts"

/** Runs an effect, and returns its log: level, message, cause and annotations of each entry. */
const logOf = (effect: Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
      const annotations = JSON.stringify(fiber.getRef(References.CurrentLogAnnotations))
      lines.push(`${logLevel} ${message} ${cause.reasons.length} ${annotations}`)
    })
    yield* Effect.provideService(clusterLogs.provide(effect), Logger.CurrentLoggers, new Set([logger]))
    return lines
  })

const storageFailed = Effect.logWarning(
  "Could not read messages from storage",
  Cause.fail(new Error("PersistenceError", { cause: new Error("connect ECONNREFUSED\n127.0.0.1:5432") }))
).pipe(Effect.annotateLogs({ module: "effect/cluster/Sharding", fiber: "Storage read loop" }))

const line = "Warn Could not read messages from storage: PersistenceError: connect ECONNREFUSED, 127.0.0.1:5432"

describe("clusterLogs", () => {
  it.effect("prints an error without the annotation of the cluster in one line, too", () =>
    Effect.gen(function* () {
      const log = yield* logOf(Effect.logError("Shard lock storage is unhealthy", Cause.fail(new Error("too late"))))
      assert.deepStrictEqual(log, ["Error Shard lock storage is unhealthy: too late 0 {}"])
    })
  )

  it.effect("prints an error of the cluster in one line, and counts what repeats", () =>
    Effect.gen(function* () {
      const log = yield* logOf(
        Effect.gen(function* () {
          for (let time = 0; time < 3; time++) yield* storageFailed
          yield* TestClock.adjust("30 seconds")
          yield* storageFailed
        })
      )
      assert.deepStrictEqual(log, [`${line} 0 {}`, `${line} (2 times more since the last line) 0 {}`])
    })
  )

  it("forgets the lines that are older than the time of repeats, except those whose repeats are not printed", () => {
    const printed: clusterLogs.PrintedLines = new Map()
    const add = (text: string, seconds: number) => clusterLogs.add(printed, text, seconds * 1_000)
    for (let number = 0; number < 100; number++) assert.strictEqual(add(`request ${number}`, 0), `request ${number}`)
    assert.isUndefined(add("request 7", 10))
    assert.strictEqual(add("storage", 29.999), "storage")
    assert.strictEqual(printed.size, 101)
    assert.strictEqual(add("runner", 30), "runner")
    assert.sameMembers([...printed.keys()], ["request 7", "storage", "runner"])
    assert.strictEqual(add("request 7", 31), "request 7 (1 time more since the last line)")
    add("late", 100)
    assert.deepStrictEqual([...printed.keys()], ["late"])
  })

  it.effect("passes other entries on, and all of them with the level debug", () =>
    Effect.gen(function* () {
      const other = Effect.annotateLogs(Effect.logWarning("run k failed"), { key: "k" })
      assert.deepStrictEqual(yield* logOf(other), ['Warn run k failed 0 {"key":"k"}'])
      const verbose = Effect.provideService(storageFailed, References.MinimumLogLevel, "Debug")
      const [entry] = yield* logOf(verbose)
      assert.match(entry!, /^Warn Could not read messages from storage 1 \{"module"/)
    })
  )
})
