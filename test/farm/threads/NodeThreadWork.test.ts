/** All kinds of work on threads, and all kinds of their failures. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Farm from "../../../src/farm/Farm.ts"
import type { FarmError } from "../../../src/farm/FarmError.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import * as Directory from "../../support/Directory.ts"
import * as BusyClock from "../../support/time/BusyClock.ts"
import { type Does, job } from "../jobs/kinds.ts"

const module = new URL("../jobs/kinds.ts", import.meta.url)

const withLog = (path: string) => new URL(`?log=${encodeURIComponent(path)}`, module)

const linesOf = (path: string) => Fs.readFileSync(path, "utf8").trimEnd().split("\n")

/** Waits until a log has a line with this text. */
const waitForLine = (path: string, text: string) =>
  Effect.callback<void>((resume) => {
    const look = () => {
      if (!linesOf(path).some((line) => line.includes(text))) return
      watcher.close()
      resume(Effect.void)
    }
    const watcher = Fs.watch(path, look)
    look()
    return Effect.sync(() => watcher.close())
  })

const emptyLog = Effect.map(Directory.directory(), ({ inRoot }) => {
  Fs.writeFileSync(inRoot("log"), "")
  return inRoot("log")
})

/** Starts threads whose events are collected. */
const pool = Effect.fnUntraced(function* (options: Partial<NodeThreadWorkers.ThreadOptions> = {}) {
  const events = yield* Queue.unbounded<NodeThreadWorkers.Event>()
  const workers = yield* NodeThreadWorkers.make({ module, threads: 1, events, gracePeriod: "100 millis", ...options })
  const run = (does: ReadonlyArray<Does>, runOptions: Partial<Farm.RunOptions> = {}) =>
    Farm.run(job, does, { workers: Effect.succeed(workers), maxAttempts: 1, ...runOptions })
  return { events, run, workers }
})

/** Attaches the one worker of a pool. Its reports are texts; of those that it works only the first is one. */
const attached = Effect.fnUntraced(function* (options: Partial<NodeThreadWorkers.ThreadOptions>) {
  const { workers } = yield* pool({ gracePeriod: "1 minute", ...options })
  const worker = workers.workers[0]!
  const reports = yield* Queue.unbounded<string>()
  let hasBegun = false
  yield* worker.attach((all) => {
    for (const report of all) {
      if (report._tag === "Working" && hasBegun) continue
      hasBegun ||= report._tag === "Working"
      Queue.offerUnsafe(reports, "id" in report ? `${report._tag} ${report.id}` : report._tag)
    }
  })
  return { reports, worker }
})

const poison = (error: FarmError) => {
  const { reason } = error
  if (reason._tag !== "PoisonPacket") return assert.fail(error.message)
  return { at: (reason.packet as { readonly at: number }).at, attempt: reason.attempts[0]! }
}

describe("work on threads", () => {
  it.live("is a promise or an Effect, with services made once in each thread and released at its end", () =>
    Effect.gen(function* () {
      const log = yield* emptyLog
      const results = yield* Effect.scoped(
        Effect.gen(function* () {
          const { run } = yield* pool({ module: withLog(log) })
          return [yield* run(["effect", "promise", "effect", "effect"]), yield* run(["effect"])]
        })
      )
      assert.deepStrictEqual(results, [[1, 1, 2, 3], [4]])
      const lines = linesOf(log)
      assert.strictEqual(lines.length, 2)
      assert.match(lines[0]!, /^acquired \d+$/)
      assert.strictEqual(lines[1], lines[0]!.replace("acquired", "released"))
    })
  )

  it.live("does not start if its layer fails", () =>
    Effect.gen(function* () {
      const failing = new URL("?layer=fails", module)
      const { message, reason } = yield* Effect.flip(NodeThreadWorkers.make({ module: failing, threads: 1 }))
      assert.strictEqual(reason._tag, "ModuleLoadFailed")
      assert.match(message, /: the layer of the job failed: refused with NO_DISK$/)
    }).pipe(Effect.scoped)
  )

  it.live("fails with name, message, stack, code and causes of the error", () =>
    Effect.gen(function* () {
      const { events, run } = yield* pool()
      const attemptAt = (does: Does) => Effect.map(Effect.flip(run([does])), (error) => poison(error).attempt)
      const thrown = (yield* attemptAt("throw")).error!
      assert.deepInclude(thrown, { name: "TypeError", message: "cannot read\nthe file", code: 42 })
      assert.match(thrown.stack!, /^TypeError: cannot read\nthe file\n +at nested /)
      assert.deepInclude(thrown.cause, { name: "Error", message: "no such file", code: "ENOENT" })
      assert.deepInclude(thrown.cause!.cause!.cause, { name: "Error", message: "ring" })
      assert.deepInclude((yield* attemptAt("fail")).error, {
        ...{ name: "Refused", message: "refused with E_REFUSED", code: "E_REFUSED" }
      })
      assert.deepStrictEqual((yield* attemptAt("reject")).error, { name: "Error", message: "a text" })
      assert.strictEqual((yield* attemptAt("hostile")).kind, "Threw")
      // The thread survives a stack and a buffer that are too large.
      assert.strictEqual((yield* attemptAt("recursion")).message, "Maximum call stack size exceeded")
      assert.match(
        (yield* attemptAt("buffer")).message,
        /^(Array buffer allocation failed|Invalid array buffer length)$/
      )
      assert.deepStrictEqual(yield* Queue.clear(events), [])
    }).pipe(Effect.scoped)
  )

  it.live.each(["abortable", "interruptible"] as const)("is stopped if it is %s, and its thread goes on", (does) =>
    Effect.gen(function* () {
      const log = yield* emptyLog
      const { events, run } = yield* pool({ module: withLog(log), gracePeriod: "1 minute" })
      const [thread] = yield* run(["thread"])
      const fiber = yield* Effect.forkChild(run([does]))
      yield* waitForLine(log, "begun")
      yield* Fiber.interrupt(fiber)
      assert.match(linesOf(log).at(-1)!, /^(aborted|interrupted)$/)
      assert.deepStrictEqual(yield* run(["thread"]), [thread])
      assert.deepStrictEqual(yield* Queue.clear(events), [])
    }).pipe(Effect.scoped)
  )

  it.live.each(["deaf", "loop"] as const)("is killed with its thread if it is %s to a cancel", (does) =>
    Effect.gen(function* () {
      const log = yield* emptyLog
      const { events, run } = yield* pool({ module: withLog(log) })
      const [thread] = yield* run(["thread"])
      const fiber = yield* Effect.forkChild(run([does]))
      yield* waitForLine(log, "begun")
      yield* Fiber.interrupt(fiber)
      assert.notDeepEqual(yield* run(["thread"]), [thread])
      const message = "cancelled work did not stop within 100 ms: thread killed"
      assert.deepStrictEqual(yield* Queue.clear(events), [
        { _tag: "ThreadDied", worker: "thread 1", message, packet: 0 },
        { _tag: "ThreadReplaced", worker: "thread 1" }
      ])
    }).pipe(Effect.scoped)
  )

  it.live("is killed and named after the timeout if it loops for ever, and the run goes on", () =>
    Effect.gen(function* () {
      const { run } = yield* pool()
      // Far above the time for which a busy host lets a thread wait that has a packet without work.
      const timeout = "2 seconds"
      const options = { timeout, onPoison: "skip" } as const
      assert.deepStrictEqual(yield* run(["promise", "loop", "promise", "microtasks", "promise"], options), [0, 2, 4])
      const { at, attempt } = poison(yield* Effect.flip(run(["promise", "loop"], { timeout })))
      assert.deepStrictEqual([at, attempt.kind], [1, "TimedOut"])
    }).pipe(Effect.scoped)
  )

  const fatal = {
    exit: /^the thread exited with code 9$/,
    callback: /^the thread crashed: in a callback$/,
    stray: /^the thread crashed: stray$/,
    lateStray: /^the thread crashed: late stray$/,
    memory: /^the thread crashed: Worker terminated due to reaching memory limit: JS heap out of memory$/
  }
  it.live.each(Object.keys(fatal) as ReadonlyArray<keyof typeof fatal>)(
    "loses its thread by %s: the packet is named, and the run goes on",
    (does) =>
      Effect.gen(function* () {
        const { events, run } = yield* pool({ resourceLimits: { maxOldGenerationSizeMb: 24 } })
        assert.deepStrictEqual(yield* run(["promise", does, "promise"], { onPoison: "skip" }), [0, 2])
        const [died] = yield* Queue.clear(events)
        if (died?._tag !== "ThreadDied") return assert.fail(JSON.stringify(died))
        assert.deepInclude(died, { worker: "thread 1", packet: 1 })
        assert.match(died.message, fatal[does])
        const { at, attempt } = poison(yield* Effect.flip(run(["promise", does, "promise"])))
        assert.deepStrictEqual([at, attempt.kind], [1, "Lost"])
        assert.match(attempt.message, fatal[does])
      }).pipe(Effect.scoped)
  )

  it.live("counts a result whose work leaves a rejected promise, and names the packet before the death", () =>
    Effect.gen(function* () {
      const { run, workers } = yield* pool()
      const lost = yield* Queue.unbounded<string>()
      assert.deepStrictEqual(yield* run(["strayAfter"]), [-1])
      yield* workers.workers[0]!.attach((reports) => {
        for (const report of reports) if (report._tag === "Lost") Queue.offerUnsafe(lost, report.message)
      })
      assert.strictEqual(yield* Queue.take(lost), "the thread crashed: stray after, after packet 0")
    }).pipe(Effect.scoped)
  )

  it.live("fails at once if a result cannot be cloned, whatever the number of attempts", () =>
    Effect.gen(function* () {
      const { run } = yield* pool()
      const { message, reason } = yield* Effect.flip(run(["unsendable"], { maxAttempts: 3 }))
      assert.strictEqual(reason._tag, "PoisonPacket")
      assert.match(
        message,
        /^packet 0 .* failed once: thread 1: cannot send the result: .* could not be cloned\.; encode/
      )
    }).pipe(Effect.scoped)
  )

  it.live("reports that it works on a packet that it has begun", () =>
    Effect.gen(function* () {
      const { reports, worker } = yield* attached({})
      worker.run([{ id: 9, packet: { at: 0, does: "interruptible" } }])
      assert.strictEqual(yield* Queue.take(reports), "Working 9")
      worker.cancel([9])
      assert.strictEqual(yield* Queue.take(reports), "Stopped 9")
    }).pipe(Effect.scoped)
  )

  it.live("ends a cancelled packet that waits while another goes on, and works on what comes after it", () =>
    Effect.gen(function* () {
      const { reports, worker } = yield* attached({ capacity: 2 })
      const task = (id: number, does: Does) => ({ id, packet: { at: id, does } })
      worker.run([task(9, "interruptible"), task(5, "promise")])
      assert.strictEqual(yield* Queue.take(reports), "Working 9")
      worker.cancel([5])
      assert.strictEqual(yield* Queue.take(reports), "Stopped 5")
      // The same id again: the farm tries the packet once more.
      worker.run([task(5, "promise")])
      worker.cancel([9])
      assert.deepStrictEqual([yield* Queue.take(reports), yield* Queue.take(reports)], ["Stopped 9", "Done 5"])
    }).pipe(Effect.scoped)
  )

  it.live("goes to a new thread after a number of packets: none is lost or fails, and services are released", () =>
    Effect.gen(function* () {
      const log = yield* emptyLog
      const { events, run } = yield* pool({ module: withLog(log), recycleAfter: 3, gracePeriod: "10 seconds" })
      const threads = yield* run(Array.from({ length: 10 }, () => "thread" as const))
      assert.deepStrictEqual(
        threads.map((thread) => threads.indexOf(thread)),
        [0, 0, 0, 3, 3, 3, 6, 6, 6, 9]
      )
      const recycled = { _tag: "ThreadRecycled", worker: "thread 1", packets: 3 } as const
      assert.deepStrictEqual(yield* Queue.clear(events), [recycled, recycled, recycled])
      yield* waitForLine(log, `released ${threads[6]}`)
      const { at, attempt } = poison(yield* Effect.flip(run(["promise", "exit", "promise"])))
      assert.deepStrictEqual([at, attempt.kind], [1, "Lost"])
    }).pipe(Effect.scoped)
  )

  it.live("is not killed at its end because this process was busy for longer than the grace period", () =>
    Effect.gen(function* () {
      const { clock, jump } = yield* BusyClock.make
      const recycling = Effect.gen(function* () {
        const { events, run } = yield* pool({ recycleAfter: 1, gracePeriod: "1 second" })
        yield* run(["promise"])
        const { _tag: first } = yield* Queue.take(events)
        yield* jump(10_000)
        yield* run(["promise"])
        const { _tag: second } = yield* Queue.take(events)
        return [first, second]
      })
      const events = yield* Effect.provideService(recycling, Clock.Clock, clock)
      assert.deepStrictEqual(events, ["ThreadRecycled", "ThreadRecycled"])
    }).pipe(Effect.scoped)
  )
})
