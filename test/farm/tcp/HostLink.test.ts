import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as HostLink from "../../../src/farm/tcp/HostLink.ts"
import type { Report, TaskOutcome } from "../../../src/farm/Worker.ts"

const Small = Schema.Literals([0, 1, 2, 3])
const Index = Schema.Literals([0, 1])

const Operation = Schema.Union([
  Schema.TaggedStruct("Connected", { threads: Schema.Literals([1, 2]) }),
  /** Failed if the dice shows 0. */
  Schema.TaggedStruct("Failed", { dice: Small }),
  /** Given up if the dice shows 0. */
  Schema.TaggedStruct("GivenUp", { dice: Small }),
  Schema.TaggedStruct("Attach", { worker: Index }),
  Schema.TaggedStruct("Detach", { worker: Index }),
  Schema.TaggedStruct("Run", { worker: Index, id: Small }),
  Schema.TaggedStruct("Cancel", { worker: Index, ids: Schema.Array(Small) }),
  /** The outcomes of the tasks at one or two places in the list. */
  Schema.TaggedStruct("Outcomes", { place: Small, other: Small, isDone: Schema.Boolean })
])

const Script = Arbitrary.array(Arbitrary.schema(Operation), { minLength: 40, maxLength: 80 })

/** A task that the host has, as the model knows it. */
interface Sent {
  readonly wireId: number
  readonly id: number
  readonly run: HostLink.Run
  readonly isCancelled: boolean
}

const detached: HostLink.Run = { thread: 0, report: () => assert.fail("not attached") }

/** Drives a state, and a list of tasks beside it. */
class Model {
  state = HostLink.initial()
  sent: ReadonlyArray<Sent> = []
  /** The run of each attached worker. */
  readonly runs = new Map<number, HostLink.Run>()
  link: HostLink.Link["_tag"] = "Connecting"
  threads = 0
  hasSucceeded = false
  now = 0

  private apply([state, actions]: HostLink.Transition) {
    this.state = state
    return actions
  }
  private send(event: HostLink.Event) {
    return this.apply(HostLink.step(this.state, event))
  }
  /** The report to all runs, or to those that have a thread. */
  private toAll(report: Report, threads = Number.POSITIVE_INFINITY) {
    const runs = [...this.runs.values()].filter(({ thread }) => thread < threads)
    return runs.map((run) => ({ _tag: "Report", run, reports: [report] }))
  }
  private cancelled(run: HostLink.Run, ids: ReadonlyArray<number> | undefined) {
    const isWanted = (task: Sent) =>
      task.run === run && !task.isCancelled && (ids === undefined || ids.includes(task.id))
    const wireIds = this.sent.filter(isWanted).map(({ wireId }) => wireId)
    this.sent = this.sent.map((task) => (isWanted(task) ? { ...task, isCancelled: true } : task))
    return wireIds.length === 0 ? [] : [{ _tag: "Cancel", ids: wireIds }]
  }

  run(operation: typeof Operation.Type) {
    this.now++
    switch (operation._tag) {
      case "Connected":
        if (this.link === "Up" || this.link === "Gone") return
        this.link = "Up"
        this.hasSucceeded = false
        this.threads = operation.threads
        return assert.deepStrictEqual(
          this.send({ _tag: "Connected", threads: this.threads }),
          this.toAll({ _tag: "Ready" }, this.threads) as never
        )
      case "Failed": {
        if (this.link === "Gone" || operation.dice > 0) return
        const expected = this.link === "Up" ? this.toAll({ _tag: "Lost", message: "broken" }, this.threads) : []
        this.link = "Down"
        this.sent = []
        return assert.deepStrictEqual(this.send({ _tag: "Failed", message: "broken" }), expected as never)
      }
      case "GivenUp":
        if (this.link === "Gone" || operation.dice > 0) return
        this.link = "Gone"
        this.sent = []
        return assert.deepStrictEqual(
          this.send({ _tag: "GivenUp", message: "end" }),
          this.toAll({ _tag: "Gone", message: "end", running: [] }) as never
        )
      case "Attach": {
        if (this.runs.has(operation.worker)) return
        const thread = operation.worker
        const run: HostLink.Run = { thread, report: () => assert.fail("the machine reports by actions") }
        this.runs.set(operation.worker, run)
        const tags = this.send({ _tag: "Attach", run }).flatMap((action) =>
          action._tag === "Report" ? action.reports.map(({ _tag }) => _tag) : []
        )
        const isLost = this.link === "Down" || (this.link === "Up" && thread >= this.threads)
        return assert.deepStrictEqual(tags, this.link === "Gone" ? ["Gone"] : isLost ? ["Lost"] : [])
      }
      case "Detach": {
        const run = this.runs.get(operation.worker)
        if (run === undefined) return
        const expected = this.cancelled(run, undefined)
        this.runs.delete(operation.worker)
        return assert.deepStrictEqual(this.send({ _tag: "Detach", run, now: this.now }), expected as never)
      }
      case "Run":
        return this.runTask(this.runs.get(operation.worker) ?? detached, operation.id)
      case "Cancel": {
        const { ids, worker } = operation
        const run = this.runs.get(worker) ?? detached
        const expected = this.cancelled(run, ids)
        return assert.deepStrictEqual(this.send({ _tag: "Cancel", run, ids, now: this.now }), expected as never)
      }
      case "Outcomes":
        return this.end(
          operation.other === 3 ? [operation.place] : [operation.place, operation.other],
          operation.isDone
        )
    }
  }

  private runTask(run: HostLink.Run, id: number) {
    if (this.sent.some((task) => task.run === run && task.id === id)) return
    const [action, ...others] = this.send({ _tag: "Run", run, tasks: [{ id, packet: id }] })
    assert.deepStrictEqual(others, [])
    if (this.link !== "Up" || run === detached || run.thread >= this.threads) return assert.isUndefined(action)
    if (action?._tag !== "Send") return assert.fail("not sent")
    const wireId = action.tasks[0]!.id
    assert.isFalse(this.sent.some((task) => task.wireId === wireId))
    this.sent = [...this.sent, { wireId, id, run, isCancelled: false }]
  }

  /** Ends the tasks at places in the list; a place without a task has an unknown id. */
  private end(places: ReadonlyArray<number>, isDone: boolean) {
    const tasks = places.map((place) => this.sent[place])
    const outcomes = tasks.map((task): TaskOutcome => {
      const id = task?.wireId ?? 10_000
      return isDone ? { _tag: "Done", id, result: 0, millis: 1 } : { _tag: "Stopped", id }
    })
    const isValid = tasks.every((task) => task !== undefined) && new Set(places).size === places.length
    const result = HostLink.applyOutcomes(this.state, outcomes)
    assert.strictEqual(Result.isSuccess(result), isValid)
    if (Result.isFailure(result)) return
    const reported = new Map<HostLink.Run, ReadonlyArray<number>>()
    for (const action of this.apply(result.success)) {
      if (action._tag !== "Report") return assert.fail(action._tag)
      assert.isFalse(reported.has(action.run))
      reported.set(
        action.run,
        action.reports.map((report) => ("id" in report ? report.id : -1))
      )
    }
    const attached = new Set(this.runs.values())
    const expected = new Map<HostLink.Run, Array<number>>()
    for (const task of tasks) {
      if (task === undefined || !attached.has(task.run)) continue
      expected.set(task.run, [...(expected.get(task.run) ?? []), task.id])
    }
    assert.deepStrictEqual(reported, expected)
    this.sent = this.sent.filter((task) => !tasks.includes(task))
    if (isDone && tasks.length > 0) this.hasSucceeded = true
  }

  check() {
    const { inFlight, link, runs } = this.state
    assert.strictEqual(link._tag, this.link)
    if (link._tag === "Up") assert.strictEqual(link.hasSucceeded, this.hasSucceeded)
    assert.deepStrictEqual(runs, new Set(this.runs.values()))
    assert.deepStrictEqual(
      [...inFlight.entries.keys()],
      this.sent.map(({ wireId }) => wireId)
    )
    assert.strictEqual(inFlight.cancelledAt.size, this.sent.filter(({ isCancelled }) => isCancelled).length)
  }
}

describe("HostLink", () => {
  it.prop(
    "agrees with a list of tasks after any events",
    [Script],
    ([operations]) => {
      const model = new Model()
      model.run({ _tag: "Connected", threads: 2 })
      model.run({ _tag: "Attach", worker: 0 })
      for (const operation of operations) {
        model.run(operation)
        model.check()
      }
    },
    { arbitrary: { runs: 300 } }
  )

  it("tells the runs whose tasks wait that the host is alive, but not that it is ready", () => {
    const send = (state: HostLink.State, event: HostLink.Event) => HostLink.step(state, event)[0]
    const [busy, waiting] = [0, 1].map((thread): HostLink.Run => ({ thread, report: () => {} }))
    let state = send(HostLink.initial(), { _tag: "Connected", threads: 2 })
    for (const run of [busy!, waiting!]) state = send(state, { _tag: "Attach", run })
    state = send(state, { _tag: "Run", run: busy!, tasks: [{ id: 7, packet: 0 }] })
    const actionsOf = (isSignOfLife: boolean) => HostLink.applyWorking(state, [0, 99], { isSignOfLife, now: 0 })[1]
    const working = { _tag: "Working", id: 7 } as const
    assert.deepStrictEqual(actionsOf(false), [{ _tag: "Report", run: busy!, reports: [working] }])
    assert.deepStrictEqual(actionsOf(true), [
      { _tag: "Report", run: busy!, reports: [{ _tag: "Alive" }, working] },
      { _tag: "Report", run: waiting!, reports: [{ _tag: "Alive" }] }
    ])
  })

  it("counts a connection as useful after a result, work that is reported, or idle time, but not after silence", () => {
    const run: HostLink.Run = { thread: 0, report: () => {} }
    const send = (state: HostLink.State, event: HostLink.Event) => HostLink.step(state, event)[0]
    const connect = (...tasks: ReadonlyArray<number>) => {
      const up = send(send(HostLink.initial(), { _tag: "Connected", threads: 1 }), { _tag: "Attach", run })
      const toSend = tasks.map((id) => ({ id, packet: id }))
      return tasks.length === 0 ? up : send(up, { _tag: "Run", run, tasks: toSend })
    }
    const working = (state: HostLink.State, ...times: ReadonlyArray<number>) =>
      times.reduce((one, now) => HostLink.applyWorking(one, [0], { isSignOfLife: false, now })[0], state)
    const cancel = (state: HostLink.State) => send(state, { _tag: "Cancel", run, ids: [7], now: 1_000 })
    const done = (state: HostLink.State) =>
      Result.getOrThrow(HostLink.applyOutcomes(state, [{ _tag: "Done", id: 0, result: 0, millis: 1 }]))[0]
    const times = { connectedAt: 0, heardAt: 20_000, now: 20_000, leaseMillis: 10_000, stableMillis: 10_000 }
    const cases: ReadonlyArray<readonly [HostLink.State, boolean, { readonly heardAt?: number }?]> = [
      [HostLink.initial(), false],
      [connect(), true],
      [connect(), false, { heardAt: 0 }],
      [connect(7), false],
      [done(connect(7)), true, { heardAt: 0 }],
      [working(connect(7), 0), false],
      [working(connect(7), 0, 9_999), false],
      [working(connect(7), 0, 5_000, 10_000), true],
      [cancel(working(connect(7), 0, 10_000)), false],
      [working(cancel(connect(7)), 0, 20_000), false]
    ]
    for (const [index, [state, expected, other]] of cases.entries()) {
      assert.strictEqual(HostLink.wasUseful(state, { ...times, ...other }), expected, `case ${index}`)
    }
  })
})
