import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
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
  Suite.suite({ workers: NodeThreadWorkers.make({ module, threads: 2, gracePeriod: "300 millis" }), mayExit: true })

  it.live("can be used for one run after the other, and with others", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const kept = yield* NodeThreadWorkers.make({ module, threads: 1, capacity: 1, gracePeriod: "300 millis" })
        const workers = Worker.all(Effect.succeed(kept), NodeThreadWorkers.make({ module, threads: 1 }))
        assert.strictEqual(yield* Farm.run(job, { to: 1_000 }, { workers }), sum(1_000))
        const spin = Farm.run(job, { odd: { at: 0, does: "spin" } }, { workers: Effect.succeed(kept), packetSize: 1 })
        yield* Effect.timeoutOption(spin, "20 millis")
        // Its thread was killed, and is being replaced.
        assert.strictEqual(yield* Farm.run(job, { to: 1_000 }, { workers: Effect.succeed(kept) }), sum(1_000))
      })
    )
  )

  it.live("refuses modules that do not load, or export no job", () =>
    Effect.gen(function* () {
      const missing = yield* failure({ module: new URL("./jobs/none.ts", import.meta.url), threads: 2 })
      assert.strictEqual(missing._tag, "ModuleLoadFailed")
      assert.match(missing.message, /none\.ts: the module cannot be loaded: Cannot find module/)
      const throws = yield* failure({ module: script("throw new Error('not\\ntoday')"), threads: 1 })
      assert.match(throws.message, /: the module cannot be loaded: not, today$/)
      const other = yield* failure({ module: script("export const answer = 42"), threads: 1 })
      assert.match(other.message, /: the module exports no `job` of a farm, but answer$/)
      const exits = yield* failure({ module: script("process.exit(3)"), threads: 1 })
      assert.match(exits.message, /: the thread ended with code 3$/)
    })
  )

  it.live("names a packet that cannot be sent", () =>
    Effect.gen(function* () {
      const workers = NodeThreadWorkers.make({ module, threads: 1 })
      const split = () => {
        const whole = Job.range(0, 100)
        const next = (size: number) => {
          const cut = whole.next(size)
          return cut?.packet.from === 50 ? { packet: { from: 50, to: 51, call: () => {} }, units: 1 } : cut
        }
        return { total: 100, next }
      }
      const unsendable = Job.make({ ...job, packet: Schema.Any, split, merge: (sum: number, part) => sum + part })
      const { message } = yield* Effect.flip(Farm.run(unsendable, {}, { workers, packetSize: 1 }))
      assert.match(message, /^packet 50 \{"from":50,"to":51\} failed 3 times: thread 1: the packet cannot be sent: /)
    })
  )

  it.live("refuses no threads, and parts of threads", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failure({ module, threads: 0 })).message, "0 threads: give 1 or more")
      assert.strictEqual((yield* failure({ module, threads: 1.5 })).message, "1.5 threads: give 1 or more")
      assert.strictEqual((yield* failure({ module, capacity: 0 })).message, "0 capacity: give 1 or more")
    })
  )
})
