/**
 * Database of a cluster in memory: its messages, its runners and the locks of its shards. Runners of one process, such
 * as those of a simulated run, share it, while each reads and writes it as it would a database of its own.
 *
 * The storages in memory of effect/cluster serve one runner: they grant every lock.
 *
 * **Example** (A lock of a shard)
 *
 * ```ts
 * import * as RunnerAddress from "effect/cluster/RunnerAddress"
 * import * as RunnerStorage from "effect/cluster/RunnerStorage"
 * import * as ShardId from "effect/cluster/ShardId"
 * import * as Effect from "effect/Effect"
 * import { MemoryDatabase } from "effect-inet/cluster"
 *
 * const program = Effect.gen(function* () {
 *   const storage = yield* RunnerStorage.RunnerStorage
 *   const [one, two] = [RunnerAddress.make("one", 80), RunnerAddress.make("two", 80)]
 *   const shard = ShardId.make("default", 1)
 *   const granted = yield* storage.acquire(one, [shard])
 *   granted.length // => 1
 *   const refused = yield* storage.acquire(two, [shard])
 *   refused.length // => 0
 * })
 *
 * const database = await Effect.runPromise(MemoryDatabase.make())
 * await Effect.runPromise(Effect.provide(program, database))
 * ```
 */

import * as Clock from "effect/Clock"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Snowflake from "effect/cluster/Snowflake"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Options of a database. @category models @since 0.1.0 */
export interface Options {
  /** Time after which another runner gets the lock of a runner that has crashed. Default 35 seconds. */
  readonly shardLockExpiration?: Duration.Input | undefined
}

/** Lock of a shard. */
interface Lock {
  readonly runner: string
  readonly expiresAtMillis: number
}

const makeRunnerStorage = Effect.fnUntraced(function* (expirationMillis: number) {
  const memory = yield* RunnerStorage.makeMemory
  const locks = new Map<string, Lock>()
  /** Takes or extends the locks that no other runner holds. */
  const acquire: typeof memory.acquire = (address, shardIds) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const runner = `${address}`
      return Array.from(shardIds).filter((shardId) => {
        const lock = locks.get(`${shardId}`)
        if (lock !== undefined && lock.runner !== runner && lock.expiresAtMillis > now) return false
        locks.set(`${shardId}`, { runner, expiresAtMillis: now + expirationMillis })
        return true
      })
    })
  const release = (runner: string, shard: string) => {
    if (locks.get(shard)?.runner === runner) locks.delete(shard)
  }
  return RunnerStorage.RunnerStorage.of({
    ...memory,
    acquire,
    refresh: acquire,
    release: (address, shardId) => Effect.sync(() => release(`${address}`, `${shardId}`)),
    releaseAll: (address) =>
      Effect.sync(() => {
        for (const shard of locks.keys()) release(`${address}`, shard)
      })
  })
})

/**
 * Creates a database, and returns the layer of its storages, which all runners of a cluster are given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<Layer.Layer<MessageStorage.MessageStorage | RunnerStorage.RunnerStorage>> =>
  Effect.gen(function* () {
    const expiration = options.shardLockExpiration ?? ShardingConfig.defaults.shardLockExpiration
    const { encoded } = yield* MessageStorage.MemoryDriver.make
    const runners = yield* makeRunnerStorage(Duration.toMillis(expiration))
    return Layer.merge(
      Layer.effect(MessageStorage.MessageStorage, MessageStorage.makeEncoded(encoded)),
      Layer.succeed(RunnerStorage.RunnerStorage, runners)
    ).pipe(Layer.provide(Snowflake.layerGenerator))
  }).pipe(Effect.provide([Snowflake.layerGenerator, ShardingConfig.layerDefaults]))
