import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as AgentAssignment from "../../src/cluster/AgentAssignment.ts"
import * as AgentTable from "../../src/cluster/AgentTable.ts"
import type { ExchangeCall } from "../../src/cluster/FarmPool.ts"
import * as JsonText from "../../src/cluster/JsonText.ts"
import type { Report, Worker } from "../../src/farm/Worker.ts"

const job = { name: "sum", version: 1 }

const number = JsonText.make(Schema.Number)

/** Makes the conversion for a schema, and counts the texts that it writes. */
const counted = <A>(schema: Schema.Codec<A, unknown>) => {
  const { read, write } = JsonText.make(schema)
  let count = 0
  const text: JsonText.JsonText = {
    read,
    write: (encoded) => {
      count++
      return write(encoded)
    }
  }
  return { text, written: () => count }
}

/** Makes a run that records the workers that join. */
const makeRun = (key: string, priority = 1) => {
  const joined: Array<Worker> = []
  const run: AgentTable.PoolRun = {
    ...{ key, job, priority, packet: number, result: number, refusals: new Map() },
    ...{ virtualMillis: 0, packetMillis: 0, taskCount: 0, onJoin: (worker: Worker) => joined.push(worker) }
  }
  return { run, joined }
}

const call = (agent: string, changes: Partial<ExchangeCall> = {}): ExchangeCall => ({
  ...{ agent, name: agent, host: "m", session: "", sequence: 1, slots: 1, jobs: [job] },
  ...{ outcomes: [], lostJobs: [], working: [], wait: false, leaving: false },
  ...changes
})

/** Attaches a worker; returns its reports. */
const attach = (worker: Worker, scope = Scope.makeUnsafe()) => {
  const reports: Array<Report> = []
  Effect.runSync(
    Scope.provide(
      worker.attach((all) => reports.push(...all)),
      scope
    )
  )
  return { reports, detach: () => Effect.runSync(Scope.close(scope, Exit.void)) }
}

const tasks = (...ids: ReadonlyArray<number>) => ids.map((id) => ({ id, packet: id }))

const numbersOf = ({ tasks }: ReturnType<typeof AgentAssignment.give>) => tasks.map(({ number }) => number)

const done = (number: number, result: unknown, millis = 1) => ({
  _tag: "Done" as const,
  number,
  result: JSON.stringify(result),
  millis
})

/** A pool with one agent in one run, whose worker is attached. */
const pool = (changes: Partial<ExchangeCall> = {}) => {
  const table = AgentTable.make()
  const { run } = makeRun("r")
  const agent = AgentTable.join(table, call("a", changes), "s", 0)
  const workers = AgentTable.addRun(table, run)
  return { table, run, agent, workers, attached: workers.map((worker) => attach(worker)) }
}

describe("AgentTable", () => {
  it("gives tasks once, and reports their outcomes by packet id", () => {
    const { agent, attached, table, workers } = pool()
    workers[0]!.run(tasks(7, 9))
    const given = AgentAssignment.give(table, agent)
    assert.deepStrictEqual(
      given.tasks.map(({ packet, slot }) => [slot, packet]),
      [
        [0, "7"],
        [0, "9"]
      ]
    )
    assert.deepStrictEqual(AgentAssignment.give(table, agent).tasks, [])
    const [first, second] = numbersOf(given)
    const error = { name: "Error", message: "no" }
    const outcomes = [done(first!, 49, 3), { _tag: "Failed" as const, number: second!, error }]
    AgentTable.receive(agent, call("a", { outcomes }), 1)
    // Outcomes that are brought twice count once.
    AgentTable.receive(agent, call("a", { outcomes }), 2)
    assert.deepStrictEqual(attached[0]!.reports, [
      { _tag: "Done", id: 7, result: 49, millis: 3 },
      { _tag: "Failed", id: 9, error }
    ])
  })

  it("reports a result that does not fit its schema as a failure", () => {
    const { agent, attached, table, workers } = pool()
    workers[0]!.run(tasks(1))
    const [first] = numbersOf(AgentAssignment.give(table, agent))
    AgentTable.receive(agent, call("a", { outcomes: [done(first!, "x")] }), 1)
    const [report] = attached[0]!.reports
    assert.strictEqual(report?._tag, "Failed")
    assert.match(report?._tag === "Failed" ? report.error.message : "", /^the result does not fit its schema: /)
  })

  it("fails a packet that cannot be sent at once, with its size", () => {
    const table = AgentTable.make()
    const text = JsonText.make(Schema.Unknown)
    const agent = AgentTable.join(table, call("a"), "s", 0)
    const [worker] = AgentTable.addRun(table, { ...makeRun("r").run, packet: text })
    const { reports } = attach(worker!)
    // Every character has three bytes.
    worker!.run([
      { id: 1, packet: "\u20ac".repeat(3 * 2 ** 20) },
      { id: 2, packet: () => {} }
    ])
    // The first has cost as much as an answer may: the second is tried in the next one.
    assert.deepStrictEqual(AgentAssignment.give(table, agent).tasks, [])
    assert.deepStrictEqual(AgentAssignment.give(table, agent).tasks, [])
    AgentTable.flush(agent)
    const [large, unsendable] = reports
    assert.deepInclude(large, { _tag: "Failed", id: 1, kind: "TooLarge" })
    assert.match(large?._tag === "Failed" ? large.error.message : "", /: 9437186 bytes \(limit 8388608\)/)
    assert.deepInclude(unsendable, { _tag: "Failed", id: 2, kind: "Unsendable" })
  })

  it("fails a packet whose bytes alone are too many without writing it, and its neighbours go on", () => {
    const table = AgentTable.make()
    const { text, written } = counted(Schema.Struct({ data: Schema.Uint8Array }))
    const agent = AgentTable.join(table, call("a"), "s", 0)
    const { run } = makeRun("r")
    const [worker] = AgentTable.addRun(table, { ...run, packet: text })
    const [neighbour] = AgentTable.addRun(table, makeRun("n").run)
    const { reports } = attach(worker!)
    attach(neighbour!)
    const large = { data: new Uint8Array(12_000_000) }
    worker!.run([1, 2, 3].map((id) => ({ id, packet: large })))
    neighbour!.run(tasks(4))
    const given = AgentAssignment.give(table, agent)
    assert.deepStrictEqual(
      given.tasks.map(({ packet }) => packet),
      ["4"]
    )
    assert.strictEqual(written(), 0)
    AgentTable.flush(agent)
    const error = {
      name: "TooLarge",
      message: "the packet is too large: 16000000 bytes (limit 8388608); split the job into smaller packets"
    }
    assert.deepStrictEqual(
      reports,
      [1, 2, 3].map((id) => ({ _tag: "Failed", id, kind: "TooLarge", error }))
    )
  })

  it("writes packets when they are given, and a large one once, though two agents have it", () => {
    const table = AgentTable.make()
    const { text, written } = counted(Schema.Struct({ data: Schema.Uint8Array }))
    const [first, second] = ["a", "b"].map((name) => AgentTable.join(table, call(name), "s", 0))
    const run = { ...makeRun("r").run, packet: JsonText.keepingLarge(text) }
    const [one, other] = AgentTable.addRun(table, run)
    attach(one!)
    attach(other!)
    const packets = Array.from({ length: 60 }, (_, id) => ({ id, packet: { data: new Uint8Array(1_000_000) } }))
    one!.run(packets)
    assert.strictEqual(written(), 0)
    // 4 MiB in packets of 4/3 MB.
    const given = AgentAssignment.give(table, first!).tasks
    assert.deepStrictEqual([given.length, written()], [4, 4])
    AgentTable.remove(table, first!, "silent", true)
    other!.run(packets.slice(0, 4))
    const again = AgentAssignment.give(table, second!).tasks
    assert.deepStrictEqual([again.length, written()], [4, 4])
    assert.strictEqual(again[0]!.packet, given[0]!.packet)
  })

  it("fills an answer up to 4 MiB, with one packet at least", () => {
    const table = AgentTable.make()
    const agent = AgentTable.join(table, call("a"), "s", 0)
    const [worker] = AgentTable.addRun(table, { ...makeRun("r").run, packet: JsonText.make(Schema.String) })
    attach(worker!)
    worker!.run([1, 2, 3].map((id) => ({ id, packet: "\u20ac".repeat(2 ** 20) })))
    const counts = [1, 2].map(() => AgentAssignment.give(table, agent).tasks.length)
    assert.deepStrictEqual(counts, [2, 1])
  })

  it("stops a waiting task without the agent, and tells the agent of others", () => {
    const { agent, attached, table, workers } = pool()
    workers[0]!.run(tasks(1))
    const [first] = numbersOf(AgentAssignment.give(table, agent))
    workers[0]!.run(tasks(2))
    workers[0]!.cancel([1, 2, 3])
    assert.deepStrictEqual(attached[0]!.reports, [])
    AgentTable.flush(agent)
    assert.deepStrictEqual(attached[0]!.reports, [{ _tag: "Stopped", id: 2 }])
    assert.deepStrictEqual(AgentAssignment.give(table, agent), { session: agent.session, tasks: [], cancels: [first!] })
    AgentTable.receive(agent, call("a", { outcomes: [{ _tag: "Stopped", number: first! }] }), 1)
    assert.deepStrictEqual(attached[0]!.reports.at(-1), { _tag: "Stopped", id: 1 })
  })

  it("blames the oldest task of a thread for the silence of its agent, and none if it leaves", () => {
    for (const isBlamed of [true, false]) {
      const { agent, attached, table, workers } = pool()
      workers[0]!.run(tasks(1, 2))
      AgentAssignment.give(table, agent)
      AgentTable.remove(table, agent, "gone", isBlamed)
      assert.deepStrictEqual(attached[0]!.reports, [{ _tag: "Gone", message: "gone", running: isBlamed ? [1] : [] }])
      assert.strictEqual(table.agents.size, 0)
    }
  })

  it("blames one run only for the task that two runs of a job share a thread with", () => {
    const { agent, attached, table, workers } = pool()
    const other = makeRun("other")
    const [worker] = AgentTable.addRun(table, other.run)
    const { reports } = attach(worker!)
    workers[0]!.run(tasks(1))
    AgentAssignment.give(table, agent)
    worker!.run(tasks(5))
    AgentAssignment.give(table, agent)
    AgentTable.remove(table, agent, "gone", true)
    assert.deepInclude(attached[0]!.reports[0], { running: [1] })
    assert.deepInclude(reports[0], { running: [] })
  })

  it("removes the agents that are silent, except for the time in which the host did not run", () => {
    const { agent, table } = pool()
    assert.deepStrictEqual(AgentTable.removeSilent(table, -1, "silent"), [])
    AgentTable.excuse(table, 5_000)
    assert.deepStrictEqual(AgentTable.removeSilent(table, 4_999, "silent"), [])
    assert.deepStrictEqual(AgentTable.removeSilent(table, 5_001, "silent"), [agent])
  })

  it("reports the tasks that are worked on, and a worker that waits for another run as well", () => {
    const { agent, attached, table, workers } = pool()
    const [worker] = AgentTable.addRun(table, makeRun("other").run)
    const { reports } = attach(worker!)
    workers[0]!.run(tasks(1))
    worker!.run(tasks(2))
    const [first] = numbersOf(AgentAssignment.give(table, agent))
    AgentTable.receive(agent, call("a", { working: [first!] }), 1)
    assert.deepStrictEqual(attached[0]!.reports, [{ _tag: "Working", id: 1 }])
    assert.deepStrictEqual(reports, [{ _tag: "Alive" }])
  })

  it("adds an agent to the runs that are there, with a worker for each thread", () => {
    const table = AgentTable.make()
    const { joined, run } = makeRun("r")
    assert.deepStrictEqual(AgentTable.addRun(table, run), [])
    AgentTable.join(table, call("a", { slots: 2 }), "s", 0)
    assert.deepStrictEqual(
      joined.map(({ host, name }) => [name, host]),
      [
        ["a/1", "m"],
        ["a/2", "m"]
      ]
    )
  })

  it("an agent that joins again leaves first, and its earlier tasks are unknown", () => {
    const { agent, attached, table, workers } = pool()
    workers[0]!.run(tasks(1))
    const [first] = numbersOf(AgentAssignment.give(table, agent))
    const again = AgentTable.join(table, call("a"), "s", 1)
    assert.notStrictEqual(again.session, agent.session)
    assert.deepInclude(attached[0]!.reports[0], { _tag: "Gone" })
    AgentTable.receive(again, call("a", { outcomes: [done(first!, 1)] }), 2)
    assert.strictEqual(attached[0]!.reports.length, 1)
  })

  it.each([
    ["no job", []],
    ["sum 2", [{ name: "sum", version: 2 }]]
  ] as const)("an agent with %s has no worker, and the run has the reason", (has, jobs) => {
    const { run, workers } = pool({ jobs })
    assert.deepStrictEqual(workers, [])
    assert.deepStrictEqual([...run.refusals.values()], [`a: it has ${has}, not sum 1`])
  })

  it("a thread that lost a job is gone for its runs, also for those that begin later", () => {
    const { agent, attached, table } = pool({ slots: 2 })
    AgentTable.receive(agent, call("a", { lostJobs: [{ slot: 1, job, message: "no memory" }] }), 1)
    assert.deepStrictEqual(
      attached.map(({ reports }) => reports),
      [[], [{ _tag: "Gone", message: "no memory", running: [] }]]
    )
    assert.deepStrictEqual(
      AgentTable.addRun(table, makeRun("later").run).map(({ name }) => name),
      ["a/1"]
    )
  })

  it("a run that ends stops its tasks", () => {
    const { agent, attached, run, table, workers } = pool()
    workers[0]!.run(tasks(1, 2))
    const [first, second] = numbersOf(AgentAssignment.give(table, agent))
    workers[0]!.run(tasks(3))
    attached[0]!.detach()
    AgentTable.removeRun(table, run)
    assert.deepStrictEqual(AgentAssignment.give(table, agent).cancels, [first!, second!])
    AgentTable.receive(agent, call("a", { outcomes: [done(first!, 1)] }), 1)
    assert.deepStrictEqual(attached[0]!.reports, [])
  })

  it.each([
    [1, 1, 10],
    [3, 1, 10],
    [1, 1, 1]
  ])(
    "runs of priority %s and %s share a thread by it, though packets of the second take %s times as long",
    (priority, otherPriority, factor) => {
      const table = AgentTable.make()
      const agent = AgentTable.join(table, call("a"), "s", 0)
      const runs = [makeRun("one", priority).run, makeRun("two", otherPriority).run]
      const workers = runs.map((run) => AgentTable.addRun(table, run)[0]!)
      const work = [0, 0]
      const left = [0, 0]
      let id = 0
      const refill = () => {
        for (const [at, worker] of workers.entries()) {
          for (; left[at]! < 16; left[at]!++) worker.run(tasks(id++))
        }
      }
      for (const worker of workers) attach(worker)
      for (let round = 0; round < 2_000; round++) {
        refill()
        AgentAssignment.give(table, agent)
        const [held] = agent.held.values()
        const at = held!.worker.run.key === "one" ? 0 : 1
        const millis = at === 0 ? 20 : 20 * factor
        work[at]! += millis
        left[at]!--
        AgentTable.receive(agent, call("a", { outcomes: [done(held!.number, 1, millis)] }), round)
      }
      assert.closeTo(work[0]! / work[1]!, priority / otherPriority, 0.2 * (priority / otherPriority))
    }
  )
})
