import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Farm from "../../../src/farm/Farm.ts"
import * as Job from "../../../src/farm/Job.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import * as Worker from "../../../src/farm/Worker.ts"
import * as Suite from "../../suites/Farm.ts"
import { job, sum } from "../jobs/odd.ts"

const module = new URL("../jobs/odd.ts", import.meta.url)

const script = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`

const failure = (options: NodeThreadWorkers.ThreadOptions) =>
  Effect.map(Effect.flip(Effect.scoped(NodeThreadWorkers.make(options))), ({ reason }) => reason)

describe("NodeThreadWorkers", () => {
  Suite.suite({
    workers: NodeThreadWorkers.make({ module, threads: 2, gracePeriod: "300 millis" }),
    mayExit: true,
    gracePeriodMillis: 300
  })

  it.live("serves consecutive runs, alone and combined with another pool", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const pool = yield* NodeThreadWorkers.make({ module, threads: 1, capacity: 1, gracePeriod: "300 millis" })
        const workers = Worker.concat(Effect.succeed(pool), NodeThreadWorkers.make({ module, threads: 1 }))
        assert.strictEqual(yield* Farm.run(job, { to: 1_000 }, { workers }), sum(1_000))
        const spin = Farm.run(job, { odd: { at: 0, does: "spin" } }, { workers: Effect.succeed(pool), packetSize: 1 })
        yield* Effect.timeoutOption(spin, "20 millis")
        // The killed thread is being replaced.
        assert.strictEqual(yield* Farm.run(job, { to: 1_000 }, { workers: Effect.succeed(pool) }), sum(1_000))
      })
    )
  )

  it.live("refuses a module that does not load, or does not export a job", () =>
    Effect.gen(function* () {
      const missing = yield* failure({ module: new URL("./jobs/none.ts", import.meta.url), threads: 2 })
      assert.strictEqual(missing._tag, "ModuleLoadFailed")
      assert.match(missing.message, /none\.ts: cannot load the module: Cannot find module/)
      const throws = yield* failure({ module: script("throw new Error('not\\ntoday')"), threads: 1 })
      assert.match(throws.message, /: cannot load the module: not, today$/)
      const other = yield* failure({ module: script("export const answer = 42"), threads: 1 })
      assert.match(other.message, /: the module does not export a farm `job`; its exports: answer$/)
      const exits = yield* failure({ module: script("process.exit(3)"), threads: 1 })
      assert.match(exits.message, /: the thread exited with code 3$/)
    })
  )

  it.live("gives a worker up whose threads exit again and again without a packet", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const exits = `export { job } from ${JSON.stringify(module.href)}; setTimeout(() => process.exit(3), 10)`
        const events = yield* Queue.unbounded<NodeThreadWorkers.Event>()
        const [worker] = (yield* NodeThreadWorkers.make({ module: script(exits), threads: 1, events })).workers
        const reports: Array<string> = []
        const isGone = yield* Deferred.make<void>()
        yield* worker!.attach((all) => {
          for (const report of all) {
            reports.push("message" in report ? `${report._tag}: ${report.message}` : report._tag)
            if (report._tag === "Gone") Deferred.doneUnsafe(isGone, Effect.void)
          }
        })
        yield* Deferred.await(isGone)
        const lost = ["Lost: the thread exited with code 3", "Ready"]
        assert.deepStrictEqual(reports, [
          ...lost,
          ...lost,
          ...lost,
          ...lost,
          ...lost,
          "Gone: the thread exited with code 3"
        ])
        const replaced = ["ThreadDied", "ThreadReplaced"]
        assert.deepStrictEqual(
          Array.from(yield* Queue.takeN(events, 12), ({ _tag }) => _tag),
          [...replaced, ...replaced, ...replaced, ...replaced, ...replaced, "ThreadDied", "WorkerGivenUp"]
        )
      })
    )
  )

  it.effect("replaces a thread that exits in a packet without a delay: the clock stands still", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const workers = Effect.succeed(yield* NodeThreadWorkers.make({ module, threads: 1 }))
        const exits = Farm.run(job, { to: 10, odd: { at: 0, does: "exit" } }, { workers, packetSize: 1 })
        const { reason } = yield* Effect.flip(exits)
        assert.match(reason.message, /^packet 0 .* failed 3 times: /)
        assert.strictEqual(yield* Farm.run(job, { to: 1_000 }, { workers }), sum(1_000))
      })
    )
  )

  it.live("names a packet that cannot be cloned", () =>
    Effect.gen(function* () {
      const workers = NodeThreadWorkers.make({ module, threads: 1 })
      const split = () => {
        const range = Job.range(0, 100)
        const next = (size: number) => {
          const cut = range.next(size)
          return cut?.packet.from === 50 ? { packet: { from: 50, to: 51, call: () => {} }, units: 1 } : cut
        }
        return { total: 100, next }
      }
      const unsendable = Job.make({ ...job, packet: Schema.Any, split, merge: (sum: number, part) => sum + part })
      const { message } = yield* Effect.flip(Farm.run(unsendable, {}, { workers, packetSize: 1 }))
      assert.match(message, /^packet 50 \{"from":50,"to":51\} failed once: thread 1: cannot send the packet: /)
    })
  )

  it.live("refuses a thread count or capacity that is not a positive whole number, and a grace period of 0", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* failure({ module, threads: 0 })).message,
        "invalid threads 0: must be a whole number, at least 1"
      )
      assert.strictEqual(
        (yield* failure({ module, threads: 1.5 })).message,
        "invalid threads 1.5: must be a whole number, at least 1"
      )
      assert.strictEqual(
        (yield* failure({ module, capacity: 0 })).message,
        "invalid capacity 0: must be a whole number, at least 1"
      )
      assert.strictEqual(
        (yield* failure({ module, gracePeriod: 0 })).message,
        "invalid gracePeriod 0 ms: must be more than 0"
      )
    })
  )

  it.live("refuses a module that is a relative path, and names the expression to write", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* failure({ module: "./job.ts", threads: 1 })).message,
        'invalid module ./job.ts: a relative path has no base; write new URL("./job.ts", import.meta.url).href'
      )
    })
  )
})
