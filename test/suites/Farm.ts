/** What any pool of real workers must do, given the job of `test/farm/jobs/odd.ts`. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Farm from "../../src/farm/Farm.ts"
import type { FarmError } from "../../src/farm/FarmError.ts"
import type { Workers } from "../../src/farm/Worker.ts"
import { type Input, job, sum } from "../farm/jobs/odd.ts"
import * as Directory from "../support/Directory.ts"

/** A pool of two workers that have loaded the job. */
export interface Subject {
  readonly workers: Workers
  /** Whether one worker's death by `process.exit` is not the death of the test. */
  readonly mayExit: boolean
}

const log = Effect.map(Directory.directory(), ({ inRoot }) => ({ log: inRoot("log"), once: inRoot("once") }))

const begun = (path: string) => Fs.readFileSync(path, "utf8").trimEnd().split("\n")

/** Waits until the packet of this number is begun. */
const seen = (path: string, number: number) =>
  Effect.callback<void>((resume) => {
    const look = () => {
      if (!Fs.existsSync(path) || !begun(path).some((line) => line.endsWith(` ${number}`))) return
      watcher.close()
      resume(Effect.void)
    }
    const watcher = Fs.watch(path, look)
    look()
    return Effect.sync(() => watcher.close())
  })

export const suite = ({ mayExit, workers }: Subject) => {
  const run = (input: Input, options: Partial<Farm.RunOptions> = {}) => Farm.run(job, input, { workers, ...options })
  const reason = (input: Input, options?: Partial<Farm.RunOptions>) =>
    Effect.map(Effect.flip(run(input, options)), (error: FarmError) => error.reason)

  it.live("gives what a plain fold gives, in one run after the other", () =>
    Effect.gen(function* () {
      const kept = { workers: Effect.succeed(yield* workers) }
      assert.strictEqual(yield* run({ to: 10_000_000 }, kept), sum(10_000_000))
      assert.strictEqual(yield* run({ to: 20_000 }, { ...kept, packetSize: 1 }), sum(20_000))
      assert.strictEqual(
        yield* run({ to: 5_000 }, { ...kept, packetSize: 3, ordered: true, bufferSize: 7 }),
        sum(5_000)
      )
      assert.strictEqual(yield* run({ to: 1 }, kept), 0)
      assert.strictEqual(yield* run({ to: 0 }, kept), 0)
    })
  )

  it.live("streams an endless source, as far as it is read", () =>
    Effect.gen(function* () {
      const results = Farm.stream(job, {}, { workers, packetSize: 10, ordered: true })
      const pieces = yield* Stream.runCollect(Stream.take(results, 500))
      assert.deepStrictEqual(
        pieces.map(({ packet, result }) => [packet.from, result]),
        Array.from({ length: 500 }, (_, index) => [10 * index, 100 * index + 45])
      )
    })
  )

  it.live("names the packet that throws, and what each attempt said", () =>
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
      const why = yield* reason({ to: 100, odd: { at: 42, does: "lie" } }, { packetSize: 5, maxAttempts: 1 })
      assert.strictEqual(why._tag, "PoisonPacket")
      assert.match(why.message, /^packet 8 \{"from":40.* failed once: .*does not fit its schema: Expected number/)
    })
  )

  it.live("stops work that is asked to, when it is interrupted", () =>
    Effect.gen(function* () {
      const files = yield* log
      Fs.writeFileSync(files.log, "")
      const fiber = yield* Effect.forkChild(run({ log: files.log, odd: { at: 0, does: "wait" } }, { packetSize: 1 }))
      yield* seen(files.log, 0)
      yield* Fiber.interrupt(fiber)
      // The other worker may have begun a packet after that.
      assert.isTrue(begun(files.log).some((line) => /^\d+ stopped$/.test(line)))
    })
  )

  it.live("kills work that never stops, after a grace", () =>
    Effect.gen(function* () {
      const files = yield* log
      Fs.writeFileSync(files.log, "")
      const fiber = yield* Effect.forkChild(run({ log: files.log, odd: { at: 0, does: "spin" } }, { packetSize: 1 }))
      yield* seen(files.log, 0)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.live("has work that does not end done by another, when its lease is over", () =>
    Effect.gen(function* () {
      const { once } = yield* log
      const odd = { at: 3, does: "spin" as const, once }
      assert.strictEqual(yield* run({ to: 100, odd }, { packetSize: 1, lease: "100 millis" }), sum(100))
    })
  )

  it.live.skipIf(!mayExit)("gives the same answer when a worker dies in the middle, and repeats only what it had", () =>
    Effect.gen(function* () {
      const files = yield* log
      const odd = { at: 100, does: "exit" as const, once: files.once }
      assert.strictEqual(
        yield* run({ to: 200, odd, log: files.log }, { packetSize: 1, targetDuration: "1 hour" }),
        sum(200)
      )
      const lines = begun(files.log)
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
        assert.strictEqual(first.split(" ")[0], killed, `${first} was not the dead worker's, and was done again`)
      }
    })
  )

  it.live.skipIf(!mayExit)("names the packet that kills every worker, and blames no other", () =>
    Effect.gen(function* () {
      const why = yield* reason({ to: 1_000, odd: { at: 500, does: "exit" } }, { packetSize: 1 })
      if (why._tag !== "PoisonPacket") return assert.fail(why.message)
      assert.deepStrictEqual(why.packet, { from: 500, to: 501, odd: { at: 500, does: "exit" } })
      assert.deepStrictEqual(
        why.attempts.map(({ kind, message }) => [kind, message]),
        Array.from({ length: 3 }, () => ["Lost", "the thread ended with code 7"])
      )
    })
  )
}
