import { assert, describe, it } from "@effect/vitest"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as ShardId from "effect/cluster/ShardId"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as MemoryDatabase from "../../src/cluster/MemoryDatabase.ts"

const [one, two] = [RunnerAddress.make("one", 80), RunnerAddress.make("two", 80)]
const [first, second] = [ShardId.make("default", 1), ShardId.make("default", 2)]

/** Runs a test with the storage of two runners that share a database. */
const withStorages = <A, E>(
  test: (
    mine: RunnerStorage.RunnerStorage["Service"],
    other: RunnerStorage.RunnerStorage["Service"]
  ) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    const database = yield* MemoryDatabase.make({ shardLockExpiration: "10 seconds" })
    const storage = Effect.provide(RunnerStorage.RunnerStorage, database)
    return yield* test(yield* storage, yield* storage)
  })

describe("MemoryDatabase", () => {
  it.effect("grants the lock of a shard to one runner, until it releases it", () =>
    withStorages((mine, other) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* mine.acquire(one, [first]), [first])
        assert.deepStrictEqual(yield* other.acquire(two, [first, second]), [second])
        yield* other.release(two, first)
        assert.deepStrictEqual(yield* mine.refresh(one, [first, second]), [first])
        yield* mine.releaseAll(one)
        assert.deepStrictEqual(yield* other.acquire(two, [first]), [first])
      })
    )
  )

  it.effect("grants the lock of a runner that no longer refreshes it", () =>
    withStorages((mine, other) =>
      Effect.gen(function* () {
        yield* mine.acquire(one, [first, second])
        yield* TestClock.adjust("9 seconds")
        yield* mine.refresh(one, [second])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* other.acquire(two, [first, second]), [first])
      })
    )
  )
})
