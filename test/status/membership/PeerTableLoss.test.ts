import { assert, describe, it } from "@effect/vitest"
import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import * as StatusNetwork from "../../support/status/StatusNetwork.ts"
import * as StatusRuns from "../../support/status/StatusRuns.ts"
import { between } from "../wire/HeartbeatArbitrary.ts"

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

/** `npm run sweep` runs thousands of hours. */
const hours = 0.2

describe("PeerTable under packet loss", () => {
  it("raises no false alarm at 20 % loss, where a fixed threshold of five misses does so every hour", () => {
    const setting = { seed: 1, peers: 20, loss: 0.2 }
    const { downs, pairHours } = StatusRuns.countFalseAlarms(setting, hours)
    assert.deepStrictEqual([downs, pairHours], [0, 76])
    const fixed = StatusRuns.countFalseAlarms({ ...setting, table: { maxMissed: 5 } }, 0.05)
    assert.isAtLeast(fixed.downs / fixed.pairHours, 0.5)
  })

  it("raises few false alarms if losses come in bursts", () => {
    const bursts = () => StatusRuns.bursts(0.2, 3, 1)
    const { downs, pairHours } = StatusRuns.countFalseAlarms({ seed: 1, peers: 20 }, 0.1, bursts())
    const fixed = StatusRuns.countFalseAlarms({ seed: 1, peers: 20, table: { maxMissed: 5 } }, 0.1, bursts())
    assert.isAtLeast(fixed.downs / pairHours, 10)
    assert.isAtMost(downs, fixed.downs / 8)
  })

  it.prop(
    "detects failures later at higher loss, but within `maxMissed`",
    [between(0, 1_000_000)],
    ([seed]) => {
      const means = [0, 0.1, 0.2, 0.4, 0.7].map((loss) => {
        const { missed, detectionTimes } = StatusRuns.measureDetection(
          { seed, peers: 12, observers: [0, 1, 2], loss },
          6,
          60
        )
        assert.strictEqual(missed, 0)
        assert.isAtMost(Math.max(...detectionTimes), 31)
        return mean(detectionTimes)
      })
      assert.deepStrictEqual(
        means,
        means.toSorted((one, other) => one - other)
      )
    },
    { arbitrary: { runs: 10 } }
  )

  /** Returns the time at which a peer is down. It sends each second, and `behaviorOf` decides about each packet. */
  const irregular = (behaviorOf: (sequence: number) => { readonly pause: number; readonly isLost: boolean }) => {
    let table = PeerTable.make({ decode: StatusNetwork.decode }, 0)
    const downs: Array<number> = []
    let [now, due] = [0, 0]
    for (let sequence = 0; sequence < 400; now += 250) {
      let step = PeerTable.tick(table, now)
      if (step[1].some(({ _tag }) => _tag === "Down")) downs.push(sequence)
      if (now >= due) {
        const { isLost, pause } = behaviorOf(sequence)
        if (!isLost) step = PeerTable.receive(step[0], StatusNetwork.heartbeat({ sequence }), now)
        due = now + 1_000 + pause
        sequence++
      }
      table = step[0]
    }
    return downs
  }

  it("waits longer for a peer after it was declared down by mistake", () => {
    const busy = irregular((sequence) => ({ pause: sequence % 10 === 9 ? 6_000 : 0, isLost: false }))
    assert.deepStrictEqual(busy, [10])
    const unheard = irregular((sequence) => ({ pause: 0, isLost: sequence % 20 > 13 }))
    assert.isAtMost(unheard.length, 3)
  })

  it("keeps the loss estimate of a peer that restarts", () => {
    let table = PeerTable.make({ decode: StatusNetwork.decode }, 0)
    const receive = (peer: number, sequence: number, incarnation: number) => {
      const beat = StatusNetwork.heartbeat({ id: StatusNetwork.idOf(peer), sequence, incarnation, interval: 500 })
      table = PeerTable.receive(table, beat, sequence * 500)[0]
      table = PeerTable.tick(table, sequence * 500)[0]
    }
    for (let sequence = 0; sequence < 300; sequence++) {
      receive(1, sequence, 1)
      if (sequence % 3 !== 0) receive(0, sequence, sequence < 297 ? 1 : 2)
    }
    const peer = PeerTable.get(table, StatusNetwork.idOf(0), 150_000)!
    assert.strictEqual(peer.incarnation, 2)
    assert.closeTo(peer.loss, 1 / 3, 0.05)
  })
})
