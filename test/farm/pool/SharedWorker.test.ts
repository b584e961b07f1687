import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as SharedWorker from "../../../src/farm/pool/SharedWorker.ts"
import type { Report, Task, Worker } from "../../../src/farm/Worker.ts"

/** Makes a worker that two runs share. It does nothing but what the test reports in its name. */
const make = Effect.fnUntraced(function* (more: Partial<Worker> = {}, onReport: (run: string) => void = constVoid) {
  const sent: Array<Task> = []
  const cancelled: Array<number> = []
  const worker: Worker = {
    ...{ name: "one", job: { name: "job", version: 1 }, capacity: 4, latencyMillis: 0 },
    attach: () => Effect.void,
    run: (tasks) => void sent.push(...tasks),
    cancel: (ids) => void cancelled.push(...ids),
    ...more
  }
  const clock = { virtualTime: 0 }
  const later: Array<() => void> = []
  const shared = SharedWorker.make(worker, clock, (one) => void later.push(one))
  const runs = yield* Effect.forEach(["one", "two"], (name, index) => {
    const reports: Array<Report> = []
    const part = SharedWorker.workerFor(shared, SharedWorker.makeClient(index + 1, clock))
    return Effect.as(
      part.attach((all) => {
        onReport(name)
        reports.push(...all)
      }),
      { part, reports, take: () => reports.splice(0) }
    )
  })
  return {
    ...{ cancelled, one: runs[0]!, two: runs[1]!, sent, shared },
    report: (...reports: ReadonlyArray<Report>) => SharedWorker.receive(shared, reports),
    runDeferred: () => later.splice(0).forEach((one) => one())
  }
})

const task = (id: number): Task => ({ id, packet: id })

describe("SharedWorker", () => {
  it.effect("passes a sign of life to every run, and what the worker works on to the run of the packet", () =>
    Effect.gen(function* () {
      const { one, report, sent, shared, two } = yield* make({ reportsEachBegin: true })
      one.part.run([task(7)])
      two.part.run([task(7)])
      report({ _tag: "Working", id: sent[0]!.id })
      assert.deepStrictEqual([one.take(), two.take()], [[{ _tag: "Working", id: 7 }], [{ _tag: "Alive" }]])
      report({ _tag: "Alive" })
      assert.deepStrictEqual([one.take(), two.take()], [[{ _tag: "Alive" }], [{ _tag: "Alive" }]])
      report({ _tag: "Lost", message: "away" }, { _tag: "Alive" })
      assert.strictEqual(shared.state, "lost")
      const blamed = (running: ReadonlyArray<number>) => ({ _tag: "Lost" as const, message: "away", running })
      assert.deepStrictEqual(one.take(), [blamed([7]), { _tag: "Alive" }])
      assert.deepStrictEqual(two.take(), [blamed([]), { _tag: "Alive" }])
    }).pipe(Effect.scoped)
  )

  it.effect("serves a run whose task has killed the worker after the others, which it tells first", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const { one, report, sent, two } = yield* make({ reportsEachBegin: true, capacity: 1 }, (name) => told.push(name))
      one.part.run([task(7)])
      two.part.run([task(7)])
      report({ _tag: "Lost", message: "exited", running: [sent[0]!.id] })
      told.length = 0
      report({ _tag: "Ready" })
      assert.deepStrictEqual(told, ["two", "one"])
      sent.length = 0
      const tasks = (packet: string) => [1, 2, 3].map((id) => ({ id, packet }))
      two.part.run(tasks("of two"))
      one.part.run(tasks("of one"))
      for (let at = 0; at < 6; at++) report({ _tag: "Done", id: sent[at]!.id, result: 0, millis: 10 })
      assert.strictEqual(sent.map(({ packet }) => packet).join(", "), "of two, of two, of two, of one, of one, of one")
    }).pipe(Effect.scoped)
  )
})
