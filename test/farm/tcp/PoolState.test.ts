import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as PoolState from "../../../src/farm/tcp/PoolState.ts"
import type { Report, TaskOutcome } from "../../../src/farm/Worker.ts"

const workerCount = 2
const capacityCount = 3

const Index = Schema.Literals([0, 1])
const Small = Schema.Literals([0, 1, 2, 3])

const Operation = Schema.Union([
  Schema.TaggedStruct("Run", { client: Index, count: Small }),
  Schema.TaggedStruct("Cancel", { client: Index, places: Schema.Array(Small) }),
  Schema.TaggedStruct("Leave", { client: Index }),
  Schema.TaggedStruct("Pause", { client: Index }),
  Schema.TaggedStruct("Resume", { client: Index }),
  /** The worker ends the task that it has held longest. */
  Schema.TaggedStruct("End", { worker: Index, tag: Schema.Literals(["Done", "Failed"]) }),
  /** A worker without a packet in progress blames none. */
  Schema.TaggedStruct("Lose", { worker: Index, blamesNone: Schema.Boolean }),
  Schema.TaggedStruct("Ready", { worker: Index })
])

const Script = Arbitrary.array(Arbitrary.schema(Operation), { minLength: 40, maxLength: 80 })

/** Two clients and two workers, which hold the tasks that they were sent in order. */
const makePool = () => {
  const state = PoolState.make()
  for (let added = 0; added < workerCount; added++) {
    const worker = PoolState.addWorker(state, { name: "w", capacity: capacityCount, latencyMillis: 1 })
    PoolState.step(state, { _tag: "Attached", worker })
  }
  const held = Array.from({ length: workerCount }, (): Array<number> => [])
  const isReady = Array.from({ length: workerCount }, () => true)
  const clients = Array.from({ length: 2 }, () => {
    const outcomes = new Map<number, TaskOutcome["_tag"]>()
    const client = PoolState.join(state, {
      onOutcomes: (all) => {
        for (const { _tag, id } of all) {
          assert.isFalse(outcomes.has(id), `two outcomes of task ${id}`)
          outcomes.set(id, _tag)
        }
      }
    })
    return { client, outcomes, queued: 0, hasLeft: false }
  })
  const send = (event: PoolState.Event) => {
    for (const action of PoolState.step(state, event)) {
      if (action._tag === "Outcomes") {
        assert.isTrue(clients.some((one) => one.client === action.client && !one.hasLeft))
        action.client.onOutcomes(action.outcomes)
      }
      if (action._tag !== "Run") continue
      assert.isTrue(isReady[action.worker])
      for (const { id } of action.tasks) {
        assert.isFalse(state.workers.get(action.worker)!.inFlight.entries.get(id)!.client.isPaused)
      }
      held[action.worker]!.push(...action.tasks.map(({ id }) => id))
      assert.isAtMost(held[action.worker]!.length, capacityCount)
    }
  }
  const report = (worker: number, ...reports: ReadonlyArray<Report>) => send({ _tag: "Reports", worker, reports })
  return { state, held, isReady, clients, send, report }
}

const run = (pool: ReturnType<typeof makePool>, operation: typeof Operation.Type) => {
  switch (operation._tag) {
    case "Run": {
      const one = pool.clients[operation.client]!
      if (one.hasLeft) return
      const tasks = Array.from({ length: operation.count }, () => ({ id: one.queued++, packet: 0 }))
      return pool.send({ _tag: "Run", client: one.client, tasks })
    }
    case "Cancel": {
      const { client, hasLeft, outcomes } = pool.clients[operation.client]!
      if (hasLeft) return
      pool.send({ _tag: "Cancel", client, ids: operation.places })
      const running = [...client.inFlight.entries.values()].filter(
        ({ assigned }) => pool.held[assigned?.worker.index ?? 0]![0] === assigned?.id
      )
      for (const id of operation.places) {
        const isRunning = running.some(({ task }) => task.id === id)
        assert.isTrue(outcomes.has(id) || isRunning || id >= pool.clients[operation.client]!.queued)
      }
      return
    }
    case "Leave": {
      const one = pool.clients[operation.client]!
      if (one.hasLeft) return
      one.hasLeft = true
      return pool.send({ _tag: "Leave", client: one.client })
    }
    case "Pause":
    case "Resume": {
      const { client, hasLeft } = pool.clients[operation.client]!
      return hasLeft ? undefined : pool.send({ _tag: operation._tag, client })
    }
    case "End": {
      const id = pool.held[operation.worker]!.shift()
      if (id === undefined) return
      const done = { _tag: "Done", id, result: 0, millis: 5 } as const
      const failed = { _tag: "Failed", id, error: { name: "Error", message: "no" } } as const
      return pool.report(operation.worker, operation.tag === "Done" ? done : failed)
    }
    case "Lose": {
      const running = pool.state.workers
        .get(operation.worker)!
        .inFlight.entries.get(pool.held[operation.worker]![0] ?? -1)
      const [oldest] = pool.held[operation.worker]!
      if (oldest !== undefined) pool.report(operation.worker, { _tag: "Working", id: oldest })
      pool.held[operation.worker] = []
      pool.isReady[operation.worker] = false
      pool.report(operation.worker, { _tag: "Lost", message: "lost", running: operation.blamesNone ? [] : undefined })
      if (operation.blamesNone) return
      return assert.isFalse(running?.client.inFlight.entries.has(running.task.id) ?? false)
    }
    case "Ready":
      pool.isReady[operation.worker] = true
      return pool.report(operation.worker, { _tag: "Ready" })
  }
}

describe("PoolState", () => {
  it.prop("ends every task of a client once, whatever clients and workers do", [Script], ([operations]) => {
    const pool = makePool()
    for (const operation of operations) {
      run(pool, operation)
      for (const [index, { inFlight }] of pool.state.workers) {
        assert.deepStrictEqual([...inFlight.entries.keys()], pool.held[index]!)
      }
      for (const { client, hasLeft, outcomes, queued } of pool.clients) {
        assert.isTrue(client.queue.every(({ task }) => !client.inFlight.cancelledAt.has(task.id)))
        assert.strictEqual(hasLeft ? 0 : outcomes.size + client.inFlight.entries.size, hasLeft ? 0 : queued)
      }
    }
    for (const index of [0, 1] as const) {
      run(pool, { _tag: "Resume", client: index })
      run(pool, { _tag: "Ready", worker: index })
    }
    while (pool.held.some((ids) => ids.length > 0)) {
      for (const worker of [0, 1] as const) run(pool, { _tag: "End", worker, tag: "Done" })
    }
    for (const { hasLeft, outcomes, queued } of pool.clients) {
      if (!hasLeft) assert.strictEqual(outcomes.size, queued)
    }
  })

  it("counts a worker that joins once it is attached, and tells the clients that know of fewer", () => {
    const { clients, send, state } = makePool()
    const worker = PoolState.addWorker(state, { name: "w", capacity: capacityCount, latencyMillis: 1 })
    assert.strictEqual(PoolState.threads(state), 2)
    const actions = PoolState.step(state, { _tag: "Attached", worker })
    assert.deepStrictEqual(
      actions.map((action) => (action._tag === "Threads" ? action.threads : action._tag)),
      [3, 3]
    )
    assert.strictEqual(clients[0]!.client.threads, 3)
    // A worker that takes the place of one that is gone is no more thread.
    send({ _tag: "Reports", worker: 0, reports: [{ _tag: "Gone", message: "one" }] })
    const next = PoolState.addWorker(state, { name: "w", capacity: capacityCount, latencyMillis: 1 })
    assert.deepStrictEqual(PoolState.step(state, { _tag: "Attached", worker: next }), [])
    assert.strictEqual(PoolState.threads(state), 3)
  })

  it("does not grow with workers that join and leave", () => {
    const { send, state } = makePool()
    for (let count = 0; count < 1_000; count++) {
      const worker = PoolState.addWorker(state, { name: "w", capacity: capacityCount, latencyMillis: 1 })
      send({ _tag: "Attached", worker })
      send({ _tag: "Reports", worker, reports: [{ _tag: "Gone", message: "it left" }] })
      // What it says after that is ignored.
      send({ _tag: "Reports", worker, reports: [{ _tag: "Ready" }] })
    }
    assert.deepStrictEqual([...state.workers.keys()], [0, 1])
  })

  it("is over when all workers are gone and none may join", () => {
    const { send, state } = makePool()
    const gone = { _tag: "Gone", message: "gone" } as const
    for (const worker of [0, 1]) send({ _tag: "Reports", worker, reports: [gone] })
    assert.deepStrictEqual(PoolState.step(state, { _tag: "JoiningEnded" }), [{ _tag: "AllGone", message: "gone" }])
  })

  it("serves the client that has used the least time, and none below an idle one's start", () => {
    const pool = makePool()
    const [one, two] = pool.clients
    const tasks = (from: number) => Array.from({ length: 4 }, (_, index) => ({ id: from + index, packet: 0 }))
    pool.send({ _tag: "Run", client: one!.client, tasks: tasks(0) })
    const first = pool.held.flat()
    pool.send({ _tag: "Run", client: two!.client, tasks: tasks(0) })
    pool.report(0, { _tag: "Done", id: pool.held[0]!.shift()!, result: 0, millis: 50 })
    const next = pool.held.flat().filter((id) => !first.includes(id))
    assert.isAbove(next.length, 0)
    const workers = [...pool.state.workers.values()]
    assert.isTrue(next.every((id) => workers.some((worker) => worker.inFlight.entries.get(id)?.client === two!.client)))
  })

  it("serves a client whose task has killed a worker after the others", () => {
    const pool = makePool()
    const [one, two] = pool.clients
    const tasks = Array.from({ length: 8 }, (_, id) => ({ id, packet: 0 }))
    for (const { client } of [one!, two!]) pool.send({ _tag: "Run", client, tasks })
    const [killer] = pool.held[0]!.splice(0)
    pool.report(0, { _tag: "Lost", message: "exited", running: [killer!] })
    pool.report(0, { _tag: "Ready" })
    const clientOf = (id: number) => pool.state.workers.get(0)!.inFlight.entries.get(id)!.client
    assert.isAbove(pool.held[0]!.length, 0)
    for (const id of pool.held[0]!) assert.strictEqual(clientOf(id), two!.client)
  })
})
