import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Computation, StopSignal, Transfer } from "../../../src/farm/Job.ts"
import * as EncodedWork from "../../../src/farm/threads/EncodedWork.ts"
import { OutcomeCode } from "../../../src/farm/threads/NodeFarmMessage.ts"
import * as NodeThreadQueue from "../../../src/farm/threads/NodeThreadQueue.ts"
import * as ThreadTasks from "../../../src/farm/threads/ThreadTasks.ts"

class Suffix extends Context.Service<Suffix, string>()("Suffix") {}

type Work = (packet: string, signal: StopSignal) => Computation<unknown>

const codes = Object.fromEntries(Object.entries(OutcomeCode).map(([name, code]) => [code, name]))

/** Makes a queue for five tasks, with the outcomes that it has sent, and a clock that the test sets. */
const make = (work: Work, transfer?: Transfer<string, unknown>, result: Schema.Codec<unknown> = Schema.Any) => {
  const tasks = ThreadTasks.make(5)
  const clock = { millis: 0 }
  const outcomes: Array<readonly [outcome: string | undefined, value: unknown]> = []
  const moved: Array<ReadonlyArray<ArrayBufferLike>> = []
  const sent = Promise.withResolvers<void>()
  const encoded = EncodedWork.make(
    { name: "test", version: 1, packet: Schema.String, result, work, transfer },
    Context.make(Suffix, "!")
  )
  const queue = NodeThreadQueue.make({
    flags: tasks.flags,
    firstPosition: 0,
    maxPacketBytes: 64,
    work: encoded,
    now: () => clock.millis,
    send: (ended, buffers) => {
      moved.push(buffers)
      for (const [at, outcome] of ended.outcomes.entries()) {
        const value = ended.values[at]
        const isError = outcome === OutcomeCode.failed || outcome === OutcomeCode.tooLarge
        outcomes.push([codes[outcome], isError ? (value as { readonly message: string }).message : value])
      }
      if (ThreadTasks.end(tasks, ended.outcomes.length).length > 0 && tasks.inFlight.entries.size === 0) sent.resolve()
    }
  })
  const add = (...packets: ReadonlyArray<string>) => {
    const first = tasks.addedCount
    ThreadTasks.add(
      tasks,
      packets.map((packet, at) => ({ id: first + at, packet }))
    )
    ThreadTasks.takeBatch(tasks, packets.length)
    NodeThreadQueue.add(queue, { packets })
  }
  const cancel = (...ids: ReadonlyArray<number>) => {
    ThreadTasks.cancel(tasks, ids, 0)
    NodeThreadQueue.cancel(queue)
  }
  return { add, cancel, clock, moved, outcomes, running: () => ThreadTasks.running(tasks), allEnded: sent.promise }
}

describe("NodeThreadQueue", () => {
  it("ends packets that return at once before it returns", () => {
    const { add, outcomes, running } = make((packet) => {
      if (packet === "b") throw new RangeError("no b")
      return packet.toUpperCase()
    })
    add("a", "b", "c")
    assert.deepStrictEqual(outcomes, [
      ["done", "A"],
      ["failed", "no b"],
      ["done", "C"]
    ])
    assert.isUndefined(running())
  })

  it("works on one packet at a time, in order, also while one waits", async () => {
    const gate = Promise.withResolvers<void>()
    const begun: Array<string> = []
    const { add, allEnded, outcomes, running } = make((packet) => {
      begun.push(packet)
      if (packet === "b") return gate.promise.then(() => "late")
      return packet === "c" ? Promise.reject(new Error("no c")) : packet
    })
    add("a", "b", "c")
    add("d")
    assert.deepStrictEqual(begun, ["a", "b"])
    assert.strictEqual(running(), 1)
    gate.resolve()
    await allEnded
    assert.deepStrictEqual(outcomes, [
      ["done", "a"],
      ["done", "late"],
      ["failed", "no c"],
      ["done", "d"]
    ])
  })

  it("sends the outcomes before a packet that waits", async () => {
    const { add, allEnded, cancel, outcomes } = make((packet, { signal }) => {
      if (packet !== "wait") return packet
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))))
    })
    add("a", "wait")
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepStrictEqual(outcomes, [["done", "a"]])
    cancel(1)
    await allEnded
    assert.deepStrictEqual(outcomes, [
      ["done", "a"],
      ["stopped", undefined]
    ])
  })

  it("sends the outcomes before a packet, unless they took too little time for a message", () => {
    const sentBefore: Array<number> = []
    const { add, clock, outcomes } = make((packet) => {
      sentBefore.push(outcomes.length)
      clock.millis += Number(packet)
      return packet
    })
    add("1", "10000", "0.1", "0.1", "10000")
    assert.deepStrictEqual(sentBefore, [0, 1, 2, 2, 2])
  })

  it("sends the outcomes before a packet when its work reads the stop signal, once it takes its time", () => {
    const sent: Array<number> = []
    const { add, clock, outcomes } = make((packet, { stopped }) => {
      for (let round = 0; packet === "long" && round < 3 && !stopped(); round++) {
        sent.push(outcomes.length)
        clock.millis += 0.3
      }
      return packet
    })
    add("a", "b", "long")
    assert.deepStrictEqual(sent, [0, 0, 2])
    assert.lengthOf(outcomes, 3)
  })

  it("sends the end of work that was stopped at once", () => {
    const sentBefore: Array<number> = []
    const queue = make((packet) => {
      sentBefore.push(queue.outcomes.length)
      if (packet === "b") queue.cancel(1)
      return packet
    })
    queue.add("a", "b", "c")
    assert.deepStrictEqual(sentBefore, [0, 0, 2])
    assert.deepStrictEqual(queue.outcomes[1], ["stopped", undefined])
  })

  it("runs Effects with the services: at once if they do not wait, and interrupts those that do", async () => {
    const interrupted: Array<string> = []
    const gate = Deferred.makeUnsafe<void>()
    const neverBegan = Promise.withResolvers<void>()
    const work: Work = (packet) => {
      if (packet === "never") queueMicrotask(neverBegan.resolve)
      const suffixed = Effect.map(Effect.service(Suffix), (suffix) => `${packet}${suffix}`)
      if (packet === "fail") return Effect.fail(new Error("refused"))
      if (packet === "die") return Effect.die(new Error("defect"))
      if (packet === "gate") return Effect.andThen(Deferred.await(gate), suffixed)
      if (packet === "never") return Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted.push(packet)))
      return suffixed
    }
    const atOnce = make(work)
    atOnce.add("a", "fail", "die")
    assert.deepStrictEqual(atOnce.outcomes, [
      ["done", "a!"],
      ["failed", "refused"],
      ["failed", "defect"]
    ])
    const { add, allEnded, cancel, outcomes } = make(work)
    add("gate", "never", "b")
    Deferred.doneUnsafe(gate, Effect.void)
    await neverBegan.promise
    cancel(1)
    await allEnded
    assert.deepStrictEqual(interrupted, ["never"])
    assert.deepStrictEqual(outcomes, [
      ["done", "gate!"],
      ["stopped", undefined],
      ["done", "b!"]
    ])
  })

  it("skips cancelled packets, and aborts the signal of one that was stopped before it is read", () => {
    const aborted: Array<boolean> = []
    const queue = make((packet, signal) => {
      if (packet === "a") queue.cancel(0, 1)
      aborted.push(signal.signal.aborted)
      return packet
    })
    queue.add("a", "b", "c")
    assert.deepStrictEqual(aborted, [true, false])
    assert.deepStrictEqual(queue.outcomes, [
      ["stopped", undefined],
      ["stopped", undefined],
      ["done", "c"]
    ])
  })

  it("moves each buffer of the results once, and leaves shared ones", () => {
    const buffer = new ArrayBuffer(8)
    const { add, moved } = make(() => buffer, { result: () => [buffer, new SharedArrayBuffer(8)] })
    add("a", "b")
    assert.deepStrictEqual(moved, [[buffer]])
  })

  it("gives the error of a getter in a result, and what does not fit the schema", () => {
    const unreadable = {
      get size(): number {
        throw new RangeError("no size")
      }
    }
    const { add, outcomes } = make(
      (packet) => (packet === "getter" ? unreadable : { size: packet }),
      undefined,
      Schema.Struct({ size: Schema.Number })
    )
    add("getter", "text")
    assert.deepStrictEqual(outcomes, [
      ["failed", "cannot read the result: no size"],
      ["failed", 'the result does not fit its schema: Expected number, at ["size"]']
    ])
  })

  it("refuses a result that is larger than the limit", () => {
    const { add, outcomes } = make((packet) => packet)
    add("x".repeat(64), "x".repeat(65))
    assert.deepStrictEqual(outcomes[1], [
      "tooLarge",
      "the result is too large: 65 bytes (limit 64); split the job into smaller packets"
    ])
  })
})
