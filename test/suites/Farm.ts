/** The tests of every pool of real workers, with the job of `test/farm/jobs/odd.ts`. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Farm from "../../src/farm/Farm.ts"
import type { FarmError } from "../../src/farm/FarmError.ts"
import * as Worker from "../../src/farm/Worker.ts"
import { type Input, job, sum } from "../farm/jobs/odd.ts"
import * as Directory from "../support/Directory.ts"

/** A pool of two workers that have loaded the job. */
export interface Subject {
  readonly workers: Worker.Workers
  /** True if `process.exit` in a worker ends the worker only, not the test. */
  readonly mayExit: boolean
  /** The time for which cancelled work may continue before its thread is killed. */
  readonly gracePeriodMillis: number
}

const log = Effect.map(Directory.directory(), ({ inRoot }) => ({ log: inRoot("log"), once: inRoot("once") }))

const linesOf = (path: string) => Fs.readFileSync(path, "utf8").trimEnd().split("\n")

const threadOf = (line: string) => line.split(" ")[0]!

/** Waits until the lines of a log satisfy a condition. */
const waitForLog = (path: string, isMet: (lines: ReadonlyArray<string>) => boolean) =>
  Effect.callback<void>((resume) => {
    const look = () => {
      if (!Fs.existsSync(path) || !isMet(linesOf(path))) return
      watcher.close()
      resume(Effect.void)
    }
    const watcher = Fs.watch(path, look)
    look()
    return Effect.sync(() => watcher.close())
  })

/** Waits until the packet that begins with a number is started. */
const waitForPacket = (path: string, from: number) =>
  waitForLog(path, (lines) => lines.some((line) => line.endsWith(` ${from}`)))

export const suite = ({ gracePeriodMillis, mayExit, workers }: Subject) => {
  const run = (input: Input, options: Partial<Farm.RunOptions> = {}) => Farm.run(job, input, { workers, ...options })
  const reason = (input: Input, options?: Partial<Farm.RunOptions>) =>
    Effect.map(Effect.flip(run(input, options)), (error: FarmError) => error.reason)

  it.live("returns the output of a sequential fold, in consecutive runs", () =>
    Effect.gen(function* () {
      const pool = { workers: Effect.succeed(yield* workers) }
      assert.strictEqual(yield* run({ to: 10_000_000 }, pool), sum(10_000_000))
      assert.strictEqual(yield* run({ to: 20_000 }, { ...pool, packetSize: 1 }), sum(20_000))
      assert.strictEqual(
        yield* run({ to: 5_000 }, { ...pool, packetSize: 3, ordered: true, bufferSize: 7 }),
        sum(5_000)
      )
      assert.strictEqual(yield* run({ to: 1 }, pool), 0)
      assert.strictEqual(yield* run({ to: 0 }, pool), 0)
    })
  )

  it.live("streams an endless source as far as it is consumed", () =>
    Effect.gen(function* () {
      const results = Farm.stream(job, {}, { workers, packetSize: 10, ordered: true })
      const pieces = yield* Stream.runCollect(Stream.take(results, 500))
      assert.deepStrictEqual(
        pieces.map(({ packet, result }) => [packet.from, result]),
        Array.from({ length: 500 }, (_, index) => [10 * index, 100 * index + 45])
      )
    })
  )

  it.live("names a packet whose work throws, with the error of each attempt", () =>
    Effect.gen(function* () {
      const odd = { at: 42, does: "throw" as const }
      const why = yield* reason({ to: 100, odd }, { packetSize: 5 })
      if (why._tag !== "PoisonPacket") return assert.fail(why.message)
      assert.deepStrictEqual(why.packet, { from: 40, to: 45, odd })
      assert.deepStrictEqual(
        why.attempts.map(({ kind, message }) => [kind, message]),
        Array.from({ length: 3 }, () => ["Threw", "no 42"])
      )
    })
  )

  it.live("refuses a result that does not fit its schema", () =>
    Effect.gen(function* () {
      // One worker: on two, a slow machine may start the packet again before the first result comes.
      const oneWorker = {
        workers: Effect.map(workers, (pool) => Worker.pool(pool.workers.slice(0, 1))),
        packetSize: 5,
        maxAttempts: 1
      }
      const why = yield* reason({ to: 100, odd: { at: 42, does: "lie" } }, oneWorker)
      if (why._tag !== "PoisonPacket") return assert.fail(why.message)
      assert.match(why.message, /^packet 8 \{"from":40.* failed once: .*does not fit its schema: Expected number/)
    })
  )

  it.live("stops work that checks the stop signal, when the run is interrupted", () =>
    Effect.gen(function* () {
      const files = yield* log
      Fs.writeFileSync(files.log, "")
      const fiber = yield* Effect.forkChild(run({ log: files.log, odd: { at: 0, does: "wait" } }, { packetSize: 1 }))
      yield* waitForPacket(files.log, 0)
      yield* Fiber.interrupt(fiber)
      // The other worker may have started a packet after that.
      assert.isTrue(linesOf(files.log).some((line) => /^\d+ stopped$/.test(line)))
    })
  )

  it.live("kills and replaces the thread of work that ignores the stop signal, after the grace period", () =>
    Effect.gen(function* () {
      const files = yield* log
      Fs.writeFileSync(files.log, "")
      const options = { workers: Effect.succeed(yield* workers), packetSize: 1 }
      const spinning = yield* Effect.forkChild(run({ log: files.log, odd: { at: 0, does: "spin" } }, options))
      yield* waitForPacket(files.log, 0)
      const killed = threadOf(linesOf(files.log).find((line) => line.endsWith(" 0"))!)
      const start = performance.now()
      yield* Fiber.interrupt(spinning)
      assert.isAtLeast(performance.now() - start, gracePeriodMillis)
      const before = linesOf(files.log).length
      const threads = (lines: ReadonlyArray<string>) => new Set(lines.slice(before).map(threadOf))
      const next = yield* Effect.forkChild(run({ log: files.log }, options))
      yield* waitForLog(files.log, (lines) => threads(lines).size === 2)
      yield* Fiber.interrupt(next)
      assert.notInclude([...threads(linesOf(files.log))], killed)
    })
  )

  it.live("reassigns a packet that does not end within its timeout", () =>
    Effect.gen(function* () {
      const { once } = yield* log
      const odd = { at: 3, does: "spin" as const, once }
      assert.strictEqual(yield* run({ to: 100, odd }, { packetSize: 1, timeout: "100 millis" }), sum(100))
    })
  )

  it.live.skipIf(!mayExit)("returns the same output after the death of a worker, and repeats only its packets", () =>
    Effect.gen(function* () {
      const files = yield* log
      const odd = { at: 100, does: "exit" as const, once: files.once }
      assert.strictEqual(
        yield* run({ to: 200, odd, log: files.log }, { packetSize: 1, targetDuration: "1 hour" }),
        sum(200)
      )
      const lines = linesOf(files.log)
      const killed = lines.find((line) => line.endsWith(" 100"))!.split(" ")[0]
      const repeated = lines.filter(
        (line, at) => lines.findIndex((one) => one.split(" ")[1] === line.split(" ")[1]) < at
      )
      assert.include(
        repeated.map((line) => line.split(" ")[1]),
        "100"
      )
      for (const line of repeated) {
        const first = lines.find((one) => one.endsWith(` ${line.split(" ")[1]}`))!
        assert.strictEqual(first.split(" ")[0], killed, `packet "${first}" of a living worker was repeated`)
      }
    })
  )

  it.live.skipIf(!mayExit)("names the packet that kills every worker, and counts no attempt against another", () =>
    Effect.gen(function* () {
      const why = yield* reason({ to: 1_000, odd: { at: 500, does: "exit" } }, { packetSize: 1 })
      if (why._tag !== "PoisonPacket") return assert.fail(why.message)
      assert.deepStrictEqual(why.packet, { from: 500, to: 501, odd: { at: 500, does: "exit" } })
      assert.deepStrictEqual(
        why.attempts.map(({ kind, message }) => [kind, message]),
        Array.from({ length: 3 }, () => ["Lost", "the thread exited with code 7"])
      )
    })
  )
}
