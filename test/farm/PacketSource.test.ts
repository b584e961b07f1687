import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Farm from "../../src/farm/Farm.ts"
import * as Job from "../../src/farm/Job.ts"
import * as PacketSource from "../../src/farm/PacketSource.ts"
import * as MemoryCheckpoint from "./checkpoint/MemoryCheckpoint.ts"
import * as SimWorkers from "./SimWorkers.ts"

/** A job that squares numbers, from any source of them. */
const squares = (split: (input: number) => Job.Source<number>) =>
  Job.make({
    ...{ name: "squares", version: 1, packet: Schema.Number, result: Schema.Number, split },
    work: (n: number) => n * n,
    empty: 0,
    merge: (sum: number, part: number) => sum + part,
    checkpoint: { input: Schema.Number, output: Schema.Number }
  })

const sumOfSquares = (count: number) => ((count - 1) * count * (2 * count - 1)) / 6

const run = (split: (input: number) => Job.Source<number>, count: number, options: Partial<Farm.RunOptions> = {}) =>
  Effect.gen(function* () {
    const job = squares(split)
    const { sent, workers } = SimWorkers.make(job, [1, 2], () => 10)
    const fiber = yield* Effect.forkChild(Farm.run(job, count, { workers, ...options }), { startImmediately: true })
    yield* TestClock.adjust("1 hour")
    return { output: yield* Fiber.join(fiber), sent }
  })

const upTo = function* (count: number) {
  for (let n = 0; n < count; n++) yield n
}

const upToAsync = async function* (count: number) {
  for (let n = 0; n < count; n++) {
    await Promise.resolve()
    yield n
  }
}

const sources: Readonly<Record<string, (count: number) => Job.Source<number>>> = {
  array: (count) => [...upTo(count)],
  generator: upTo,
  set: (count) => new Set(upTo(count)),
  "async generator": upToAsync,
  stream: (count) => Stream.fromIterable(upTo(count)),
  "slow stream": (count) => Stream.mapEffect(Stream.range(0, count - 1), (n) => Effect.as(Effect.sleep(3), n)),
  "sized packets": (count) => Stream.map(Stream.range(0, count - 1), (packet) => ({ packet, units: 2 }))
}

describe("PacketSource", () => {
  it.live.each(Object.entries(sources))("takes the packets of any source: %s", ([, split]) =>
    Effect.gen(function* () {
      const job = squares(split)
      const { workers } = SimWorkers.make(job, [0.01, 0.02], () => 1)
      assert.strictEqual(yield* Farm.run(job, 50, { workers }), sumOfSquares(50))
      assert.strictEqual(yield* Farm.run(job, 0 + 1, { workers: SimWorkers.make(job, [0.01], () => 1).workers }), 0)
    })
  )

  it.effect("reads no keys of a large packet", () =>
    Effect.gen(function* () {
      let reads = 0
      const large = new Proxy(new Uint8Array(8), {
        ownKeys: (bytes) => {
          reads++
          return Reflect.ownKeys(bytes)
        }
      })
      const source = yield* PacketSource.make<unknown>([large], 1)
      const first = source.next(1)
      assert.strictEqual(reads, 0)
      assert.isTrue(typeof first === "object" && first.packet === large && first.units === 1)
    }).pipe(Effect.scoped)
  )

  it.effect("pulls a stream only as far as workers need it, and no further than a small buffer", () =>
    Effect.gen(function* () {
      let pulled = 0
      const endless = Stream.map(
        Stream.rechunk(
          Stream.iterate(0, (n) => n + 1),
          1
        ),
        (n) => {
          pulled++
          return n
        }
      )
      const job = squares(() => endless)
      const { workers } = SimWorkers.make(job, [1], () => 10)
      const results = Farm.stream(job, 0, { workers, bufferSize: 4 })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const pull = yield* Stream.toPull(results)
          yield* Effect.forkChild(pull, { startImmediately: true })
          yield* TestClock.adjust("1 minute")
          assert.isAtLeast(pulled, 4)
          assert.isAtMost(pulled, 10)
        })
      )
    })
  )

  it.effect("fails with SplitFailed when a stream or generator fails", () =>
    Effect.gen(function* () {
      const failing: ReadonlyArray<() => Job.Source<number>> = [
        () => Stream.concat(Stream.make(1, 2), Stream.fail("no more")),
        () => Stream.concat(Stream.make(1, 2), Stream.die("no more")),
        function* () {
          yield 1
          yield 2
          throw "no more"
        }
      ]
      for (const split of failing) {
        const { message, reason } = yield* Effect.flip(run(split, 0))
        assert.strictEqual(reason._tag, "SplitFailed")
        assert.match(message, /^cannot split off packet 2: no more$/)
      }
    })
  )

  it.effect("closes a generator when the run stops before its end", () =>
    Effect.gen(function* () {
      let isClosed = false
      const job = squares(function* () {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          isClosed = true
        }
      })
      const { workers } = SimWorkers.make(job, [1], () => 10)
      const first = Farm.stream(job, 0, { workers }).pipe(Stream.take(3), Stream.runCollect)
      const fiber = yield* Effect.forkChild(first, { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* Fiber.join(fiber), 3)
      assert.isTrue(isClosed)
    })
  )

  it.effect("continues a source from a checkpoint", () =>
    Effect.gen(function* () {
      for (const name of ["generator", "stream"]) {
        const { checkpoint, saved } = MemoryCheckpoint.make()
        const split = sources[name]!
        const job = squares(split)
        const { workers } = SimWorkers.make(job, [1, 2], () => 10)
        const stopped = yield* Effect.forkChild(Farm.run(job, 100, { workers, checkpoint }), { startImmediately: true })
        yield* TestClock.adjust(200)
        yield* Fiber.interrupt(stopped)
        assert.isDefined(saved.text)
        const { output, sent } = yield* run(split, 100, { checkpoint })
        assert.strictEqual(output, sumOfSquares(100))
        assert.isBelow(sent.length, 90)
      }
    })
  )
})
