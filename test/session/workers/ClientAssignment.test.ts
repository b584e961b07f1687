import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as HashMap from "effect/HashMap"
import * as Schema from "effect/Schema"
import * as ClientAssignment from "../../../src/session/workers/ClientAssignment.ts"

const int = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const Command = Schema.Struct({ kind: int(13), index: int(20) })

const Script = Arbitrary.array(Arbitrary.schema(Command), { minLength: 40, maxLength: 160 })

/** Place of a client, as the server and its workers know it. */
interface ModelClient {
  place: "waiting" | "offered" | "handed over" | "accepted" | "gone"
  worker: number | undefined
}

const phases = { offered: "Offered", "handed over": "HandedOver", accepted: "Accepted" } as const

/** A server and its workers, which check each action. */
const makeModel = (isPerClient: boolean) => {
  let state = ClientAssignment.initial
  let nextWorker = 1
  const workers = new Set<number>()
  const silent = new Set<number>()
  const clients: Array<ModelClient> = []
  const served = new Set<number>()
  /** The client of the last `Abandoned`, as it was before. */
  let abandoned: ModelClient | undefined

  const load = (worker: number) => clients.filter((client) => client.worker === worker).length
  /** A worker for one client is detached once it has one. */
  const available = () => [...workers].filter((worker) => !silent.has(worker) && (!isPerClient || !served.has(worker)))
  const waiting = () => clients.flatMap(({ place }, client) => (place === "waiting" ? [client] : []))

  const perform = (action: ClientAssignment.Action): unknown => {
    const client = clients[action.client]!
    switch (action._tag) {
      case "Offer":
        assert.strictEqual(client.place, "waiting")
        assert.isTrue(available().includes(action.worker))
        for (const other of available()) assert.isAtMost(load(action.worker), load(other))
        if (isPerClient) assert.strictEqual(load(action.worker), 0)
        return Object.assign(client, { place: "offered", worker: action.worker })
      case "HandOver":
        assert.deepStrictEqual([client.place, client.worker], ["offered", action.worker])
        served.add(action.worker)
        return Object.assign(client, { place: "handed over" })
      case "Requeue":
        assert.deepStrictEqual([client.place, workers.has(client.worker!)], ["handed over", false])
        return Object.assign(client, { place: "waiting", worker: undefined })
      case "Release":
        assert.notStrictEqual(client.place, "gone")
        return Object.assign(client, { place: "gone", worker: undefined })
      case "Abort":
        assert.isTrue(workers.has(action.worker))
        assert.include(["handed over", "accepted"], abandoned?.place)
        return assert.strictEqual(abandoned?.worker, action.worker)
    }
  }
  /** Forgets that clients were offered to a worker. */
  const withdraw = (worker: number) => {
    for (const client of clients)
      if (client.worker === worker && client.place === "offered")
        Object.assign(client, { place: "waiting", worker: undefined })
  }
  const send = (event: ClientAssignment.Event) => {
    const [next, actions] = ClientAssignment.step(isPerClient, state, event, available())
    state = next
    if (event._tag === "Silent" || event._tag === "WorkerEnded") withdraw(event.worker)
    if (event._tag === "Abandoned") {
      abandoned = { ...clients[event.client]! }
      Object.assign(clients[event.client]!, { place: "gone", worker: undefined })
    }
    for (const action of actions) perform(action)
    return actions
  }
  const check = () => {
    assert.deepStrictEqual(
      [...state.waiting].sort((a, b) => a - b),
      waiting()
    )
    const free = available().filter((worker) => !isPerClient || load(worker) === 0)
    assert.isTrue(state.waiting.length === 0 || free.length === 0)
    const assigned = [...state.workers].flatMap(([worker, of]) =>
      HashMap.toEntries(of).map(([client, phase]) => [client, worker, phase] as const)
    )
    const expected = clients.flatMap(({ place, worker }, client) =>
      worker === undefined ? [] : [[client, worker, phases[place as keyof typeof phases]] as const]
    )
    assert.deepStrictEqual(
      assigned.sort(([a], [b]) => a - b),
      expected
    )
  }
  const run = ({ index, kind }: typeof Command.Type) => {
    const ids = clients.flatMap(({ place }, client) => (place === "gone" ? [] : [client]))
    const client = ids[index % ids.length] ?? -1
    const place = clients[client]?.place
    const worker = [...workers][index % workers.size]
    if (kind < 2) {
      workers.add(nextWorker++)
      send({ _tag: "WorkerAvailable" })
    } else if (kind < 5) send({ _tag: "Connected", client: clients.push({ place: "waiting", worker: undefined }) - 1 })
    else if (kind < 7 && place === "handed over") {
      clients[client]!.place = "accepted"
      send({ _tag: "Accepted", client })
    } else if (kind === 7 && place === "accepted") send({ _tag: "Disconnected", client })
    else if (kind === 8 && place !== undefined) send({ _tag: "Abandoned", client })
    else if (kind === 9 && worker !== undefined) {
      workers.delete(worker)
      silent.delete(worker)
      send({ _tag: "WorkerEnded", worker })
    } else if (kind === 10 && worker !== undefined) {
      send({ _tag: "Responded", worker })
      if (silent.delete(worker)) send({ _tag: "WorkerAvailable" })
    } else if (kind === 11 && worker !== undefined && !silent.has(worker)) {
      silent.add(worker)
      send({ _tag: "Silent", worker })
    } else if (kind === 12) {
      const before = waiting().length
      const released = send({ _tag: "StartFailed", isRepeated: index % 2 === 0 })
      assert.strictEqual(released.length, index % 2 === 0 ? before : Math.min(1, before))
    }
  }
  return { run, check, send, clients, workers, state: () => state }
}

describe("ClientAssignment", () => {
  for (const isPerClient of [false, true]) {
    it.prop(
      `has each client in one place and no client waiting beside an available worker${isPerClient ? ", of one client each" : ""}`,
      [Script],
      ([script]) => {
        const model = makeModel(isPerClient)
        for (const command of script) {
          model.run(command)
          model.check()
        }
        // Once all workers have ended, the clients that no worker had accepted wait, and the others have gone.
        for (const worker of [...model.workers]) {
          model.workers.delete(worker)
          model.send({ _tag: "WorkerEnded", worker })
        }
        model.check()
        assert.strictEqual(model.state().workers.size, 0)
      },
      { arbitrary: { runs: 500 } }
    )
  }

  it("offers clients in the order of their connections, and those of an ended worker before all others", () => {
    let state = ClientAssignment.initial
    const send = (event: ClientAssignment.Event, available: ReadonlyArray<number>) => {
      const [next, actions] = ClientAssignment.step(false, state, event, available)
      state = next
      return actions
    }
    for (const client of [1, 2]) send({ _tag: "Connected", client }, [7])
    assert.deepStrictEqual(send({ _tag: "Responded", worker: 7 }, [7]), [
      { _tag: "HandOver", client: 1, worker: 7 },
      { _tag: "HandOver", client: 2, worker: 7 }
    ])
    send({ _tag: "Accepted", client: 2 }, [7])
    assert.deepStrictEqual(send({ _tag: "Connected", client: 3 }, [7]), [{ _tag: "Offer", client: 3, worker: 7 }])
    send({ _tag: "Connected", client: 4 }, [])
    assert.deepStrictEqual(send({ _tag: "WorkerEnded", worker: 7 }, []), [
      { _tag: "Release", client: 2 },
      { _tag: "Requeue", client: 1 }
    ])
    assert.deepStrictEqual(state.waiting, [1, 3, 4])
    assert.deepStrictEqual(send({ _tag: "WorkerAvailable" }, [8, 9]), [
      { _tag: "Offer", client: 1, worker: 8 },
      { _tag: "Offer", client: 3, worker: 9 },
      { _tag: "Offer", client: 4, worker: 8 }
    ])
    assert.deepStrictEqual(send({ _tag: "Silent", worker: 8 }, [9]), [
      { _tag: "Offer", client: 1, worker: 9 },
      { _tag: "Offer", client: 4, worker: 9 }
    ])
  })
})
