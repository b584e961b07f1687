import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import * as DispatcherAssignment from "../../../src/farm/dispatcher/DispatcherAssignment.ts"
import type { Options } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import { done, drive, threw, tick, worker } from "./DispatcherDriver.ts"

const count = <Key>(keys: ReadonlyArray<Key>) => {
  const counts = new Map<Key, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

const sum = (values: Iterable<number>) => [...values].reduce((all, one) => all + one, 0)

const workersOf = (capacities: ReadonlyArray<number>) =>
  capacities.map((capacity, index) => worker(`${index}`, { capacity }))

const within = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const Capacities = Arbitrary.array(within(1, 5), { minLength: 1, maxLength: 12 })

/** The units of a packet, and its bytes if they are known. */
const Split = Schema.Struct({ units: Schema.Int, bytes: Schema.UndefinedOr(Schema.Int) })

describe("the assignment of packets", () => {
  it.prop(
    "gives each idle worker a packet before any gets a second one, each packet once, within the capacities",
    [Capacities, within(0, 40)],
    ([capacities, packetCount]) => {
      const { sent } = drive({ workers: workersOf(capacities) }, packetCount)
      const lines = sent(0).map((line) => line.split(": "))
      // Before the first outcome a worker gets two packets at most.
      const places = sum(capacities.map((capacity) => Math.min(capacity, 2)))
      const ids = lines.map(([, id]) => Number(id)).toSorted((one, two) => one - two)
      assert.deepStrictEqual(
        ids,
        Array.from({ length: Math.min(places, packetCount) }, (_, id) => id)
      )
      const held = count(lines.map(([name]) => name))
      assert.strictEqual(held.size, Math.min(capacities.length, packetCount))
      for (const [name, packets] of held) assert.isAtMost(packets, capacities[Number(name)]!)
      const first = lines.slice(0, capacities.length).filter(([, id]) => Number(id) < capacities.length)
      if (packetCount <= capacities.length) assert.lengthOf(first, packetCount)
    }
  )

  it.prop(
    "splits off no more packets than fit the buffer, which shrinks with the workers that are gone",
    [Capacities, within(1, 4), Schema.Boolean],
    ([capacities, bufferSize, isBufferPerWorker]) => {
      const { sent, split, state } = drive({
        ...{ workers: workersOf(capacities), bufferSize, isBufferPerWorker, holdUntilConsumed: true, mayJoin: true }
      })
      sent(0)
      const maxPackets = (workerCount: number) => (isBufferPerWorker ? bufferSize * workerCount : bufferSize)
      assert.isAtMost(split(), maxPackets(capacities.length))
      const gone = capacities.slice(1).map((_, index) => ({ _tag: "Gone", worker: index + 1, message: "off" }) as const)
      sent(1, ...gone)
      const before = split()
      // Of the results of the last worker none is consumed: only what the buffer has room for follows.
      for (let now = 2; now < 40; now++) {
        const [id] = state().workers.get(0)!.leases.entries.keys()
        if (id !== undefined) sent(now, done(id))
      }
      assert.strictEqual(split(), Math.max(before, maxPackets(1)))
      sent(50, { _tag: "Consumed", count: state().mergedCount })
      assert.isAbove(split(), before - 1)
    }
  )

  it.prop(
    "numbers packets in the order in which they are split off, and adds their bytes",
    [Schema.Array(Split)],
    ([packets]) => {
      const options: Options<string> = {
        ...{ leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false, bufferSize: 10 },
        ...{ targetMillis: 50, initialSize: 1, totalUnits: undefined, workers: [], nextPacket: () => undefined },
        verify: { isChosen: (id, host) => host === "far" && id % 2 === 0, isEqual: Object.is, holdsResults: false }
      }
      const state = Dispatcher.make<string, string>(options)
      for (const [id, { bytes, units }] of packets.entries()) {
        const host = id % 3 === 0 ? "far" : undefined
        const split = { packet: `packet ${id}`, units, ...(bytes === undefined ? {} : { bytes }) }
        const pending = DispatcherAssignment.addPacket(options as Options<unknown>, state, split, host)
        const votes = id % 6 === 0 ? [] : undefined
        assert.deepInclude(pending, { id, units, bytes: bytes ?? 0, votes, isMoved: false, failures: undefined })
        assert.strictEqual(state.unfinished.get(id), pending)
      }
      assert.strictEqual(state.bufferedBytes, sum(packets.map(({ bytes }) => bytes ?? 0)))
    }
  )

  it("assigns restored packets first, which count no units of the source", () => {
    const { sent, state } = drive({ restored: [7, 8].map((packet) => ({ packet, units: 5 })) }, 2)
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 1"])
    assert.strictEqual(state().splitUnits, 0)
    assert.deepStrictEqual(sent(1, done(0), done(1)), ["one: 2", "one: 3"])
    assert.strictEqual(state().splitUnits, 2)
  })

  it("counts and notifies each packet that is sent again after a failure, with its attempts", () => {
    const { notices, state } = drive({ workers: [worker("one", { capacity: 1 })] }, 1)
    notices(0)
    for (const attempts of [1, 2]) {
      const attempt = { worker: "one", kind: "Threw", message: "it threw" } as const
      assert.deepStrictEqual(notices(attempts, threw(0)), [
        { _tag: "AttemptFailed", id: 0, attempt },
        { _tag: "PacketRetried", id: 0, worker: "one", attempts }
      ])
      assert.strictEqual(state().retryCount, attempts)
    }
    // A packet of a lost worker that has not begun it has not failed.
    const other = drive({ workers: [worker("one"), worker("two")] }, 1)
    other.sent(0)
    other.notices(1, { _tag: "Lost", worker: 0, message: "away", running: [] })
    assert.strictEqual(other.state().retryCount, 0)
  })

  it("searches for stragglers at most once in the time that the number of workers takes", () => {
    const searches = (workerCount: number) => {
      const { state, step } = drive({ workers: workersOf(Array.from({ length: workerCount }, () => 1)) }, 1)
      return [0, 1, 2, 3, 4, 5, 6, 7].map((now) => {
        step(now, tick)
        return state().searchedAt
      })
    }
    assert.deepStrictEqual(searches(256), [0, 1, 2, 3, 4, 5, 6, 7])
    // 750 workers take 3 ms.
    assert.deepStrictEqual(searches(750), [0, 0, 0, 3, 3, 3, 6, 6])
  })
})
