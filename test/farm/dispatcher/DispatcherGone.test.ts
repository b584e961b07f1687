import * as V8 from "node:v8"
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Event, Options } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as Progress from "../../../src/farm/Progress.ts"

/** Runs workers that join one after the other, each of another host, do one packet in 5 ms and leave after 10 ms. */
const churn = (hostOf: (index: number) => string) => {
  const options: Options<number> = {
    ...{ leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false, bufferSize: 1_000 },
    ...{ targetMillis: 50, initialSize: 1, packetSize: 1, totalUnits: undefined, workers: [], mayJoin: true },
    nextPacket: () => ({ packet: 0, units: 1 })
  }
  let state = Dispatcher.make<number, number>(options)
  let joined = 0
  const step = (event: Event<number>, now: number) => {
    const [next, actions] = Dispatcher.step(options, state, [event], now)
    state = next
    return actions
  }
  return {
    progress: () =>
      Progress.fromWorkers(
        [...state.workers.values()],
        {
          ...{ resumedUnits: 0, startMillis: 0, endMillis: joined * 10, total: undefined },
          ...{ skipped: 0, retries: state.retryCount }
        },
        state.forgotten
      ),
    state: () => state,
    stateBytes: () => V8.serialize(state).length,
    /** Lets workers join and leave. */
    run: (count: number) => {
      for (const last = joined + count; joined < last; joined++) {
        const now = joined * 10
        const info = { name: "one", host: hostOf(joined), capacity: 2, latencyMillis: 0, reportsEachBegin: true }
        const [, runs] = step({ _tag: "Join", info }, now)
        assert(runs?._tag === "Run")
        step({ _tag: "Done", worker: joined, id: runs.tasks[0]!.id, result: 0, millis: 5 }, now + 5)
        assert.strictEqual(step({ _tag: "Gone", worker: joined, message: "it left" }, now + 10).at(-1)?._tag, "Detach")
      }
    }
  }
}

describe("workers that join and leave", () => {
  it("leave a state of the same size, and exact totals, however many they were", () => {
    const { progress, run, state, stateBytes } = churn((index) => `host ${index}`)
    run(1_000)
    const bytes = stateBytes()
    run(99_000)
    assert.isBelow(stateBytes(), 1.2 * bytes)
    assert.strictEqual(state().workers.size, 100)
    const { efficiency, hosts, packets, workers } = progress()
    assert.deepStrictEqual({ packets, efficiency }, { packets: 100_000, efficiency: 0.5 })
    assert.deepStrictEqual([workers.length, hosts.length], [100, 100])
    assert.strictEqual(workers.at(-1)!.share, 1 / 100_000)
  })

  it("count for their host as long as one of its workers is known", () => {
    const { progress, run, state } = churn((index) => `host ${index % 4}`)
    run(1_000)
    const { hosts } = progress()
    const host = {
      state: "gone" as const,
      ready: 0,
      workers: 250,
      packets: 250,
      share: 0.25,
      busyMillis: 1_250,
      failures: 0
    }
    assert.deepStrictEqual(
      hosts.map((one) => ({ ...one, share: Number(one.share.toFixed(6)) })),
      [0, 1, 2, 3].map((index) => ({ host: `host ${index}`, ...host }))
    )
    assert.strictEqual(state().forgotten.byHost.size, 4)
    assert.strictEqual(state().forgotten.others.workers, 0)
  })

  it("are not known any more by their host, once none of its workers is", () => {
    const { progress, run, state } = churn((index) => (index < 300 ? "before" : "after"))
    run(600)
    assert.strictEqual(state().forgotten.others.packets, 300)
    const { hosts, packets } = progress()
    assert.strictEqual(packets, 600)
    assert.deepStrictEqual(
      hosts.map(({ host, workers }) => ({ host, workers })),
      [{ host: "after", workers: 300 }]
    )
  })
})
