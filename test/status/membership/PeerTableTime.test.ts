import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import * as StatusNetwork from "../../support/status/StatusNetwork.ts"
import * as StatusRuns from "../../support/status/StatusRuns.ts"
import { between } from "../wire/HeartbeatArbitrary.ts"

const seeds = between(0, 1_000_000)

const firstObservers = [0, 1, 2, 3]

describe("PeerTable detection times", () => {
  it.prop(
    "declares a failed peer, and only that, down within k + 1 of its intervals on all tables without loss",
    [Arbitrary.all([seeds, between(2, 30), between(1, 12), between(2, 9), between(0, 2)])],
    ([[seed, peers, warm, downAfter, kind]]) => {
      const interval = [() => 1_000, (peer: number) => 500 + 1_500 * (peer % 3), (peer: number) => 300 * (1 + peer)][
        kind
      ]
      const setting = { seed, peers, interval, observers: firstObservers.slice(0, peers - 1), table: { downAfter } }
      const { missed, detectionTimes, falseDowns } = StatusRuns.measureDetection(setting, 1, warm)
      assert.deepStrictEqual([missed, falseDowns], [0, 0])
      assert.isAtMost(Math.max(...detectionTimes), downAfter + 1)
    },
    { arbitrary: { runs: 30 } }
  )

  it("does so among 1,000 peers", () => {
    const { missed, detectionTimes, falseDowns } = StatusRuns.measureDetection(
      { seed: 5, peers: 1_000, observers: [0, 1] },
      50,
      2
    )
    assert.deepStrictEqual([missed, falseDowns], [0, 0])
    assert.isAtMost(Math.max(...detectionTimes), 6)
  })

  it.prop("is not delayed by extra packets for changes", [seeds], ([seed]) => {
    let diedAt = Number.NaN
    const taken: Array<number> = []
    const network = StatusNetwork.make({
      seed,
      peers: 3,
      onChange: (_, { _tag }, now) => {
        if (_tag === "Down") taken.push((now - diedAt) / 1_000)
      }
    })
    for (let n = 0; n < 200; n++) {
      network.run(150 * network.random())
      network.senders[2]!.payload = StatusNetwork.bytesOf(`change ${n >> 2}`)
      network.send(2)
    }
    network.stop(2)
    diedAt = network.now()
    network.run(10_000)
    assert.strictEqual(taken.length, 2)
    assert.isAtMost(Math.max(...taken), 6)
  })

  it.prop(
    "declares only a failed peer down, within k + 1 intervals, on a receiver that stalls repeatedly, " +
      "and does not count packets dropped meanwhile as loss",
    [seeds],
    ([seed]) => {
      const downs: Array<number> = []
      const network = StatusNetwork.make({
        seed,
        peers: 20,
        observers: [0],
        onChange: (_, { _tag, peer }, now) => {
          if (_tag !== "Joined") assert.strictEqual(peer.id, StatusNetwork.idOf(19), _tag)
          if (_tag === "Down") downs.push(now)
        }
      })
      const stall = (millis: number) => network.stall(0, millis, [0, 60, 10_000][Math.floor(3 * network.random())]!)
      network.run(3_000)
      for (let n = 0; n < 5; n++) {
        stall(1_000 + 119_000 * network.random())
        network.run(1_000 + 3_000 * network.random())
      }
      network.at(network.now() + 5_000, () => network.stop(19))
      stall(60_000)
      const woke = network.now()
      network.run(20_000)
      assert.strictEqual(downs.length, 1)
      assert.isAtMost((downs[0]! - woke) / 1_000, 6)
    },
    { arbitrary: { runs: 30 } }
  )

  it.prop("raises no false alarm if its checks are late by two periods or far more", [seeds], ([seed]) => {
    const network = StatusNetwork.make({
      seed,
      peers: 10,
      observers: [0],
      onChange: (_, { _tag }) => assert.strictEqual(_tag, "Joined")
    })
    for (let n = 0; n < 60; n++) {
      network.stall(0, network.random() * (network.random() < 0.1 ? 3_000 : 500), 10_000)
    }
    assert.strictEqual(network.states(0).size, 9)
  })

  it.prop(
    "raises no false alarm and detects failures soon after the clock was set forward or back",
    [seeds],
    ([seed]) => {
      const back = seed % 2 === 0 ? -3_600_000 : 3_600_000
      let table = PeerTable.make({ decode: StatusNetwork.decode }, 0)
      for (let now = 0; now <= 10_000; now += 250) {
        if (now % 1_000 === 0)
          table = PeerTable.receive(table, StatusNetwork.heartbeat({ sequence: now / 1_000 }), now)[0]
        table = PeerTable.tick(table, now)[0]
      }
      const detections: Array<number> = []
      for (let passed = 250; passed <= 10_000; passed += 250) {
        const [next, changes] = PeerTable.tick(table, 10_000 + back + passed)
        table = next
        for (const { _tag } of changes) if (_tag === "Down") detections.push(passed)
      }
      assert.strictEqual(detections.length, 1)
      assert.isTrue(detections[0]! >= 4_500 && detections[0]! <= 6_000)
    }
  )

  it.prop(
    "agrees with all other tables within 3 intervals after a partition of any length",
    [Arbitrary.all([seeds, between(2, 12), between(1, 90)])],
    ([[seed, peers, cut]]) => assert.isAtMost(StatusRuns.timeToHeal({ seed, peers }, cut), 3),
    { arbitrary: { runs: 30 } }
  )

  it.prop("detects a restart within 1 interval and a goodbye at once", [seeds, between(0, 80)], ([seed, away]) => {
    const setting = { seed, peers: 5 }
    const taken = StatusRuns.timesToSee(setting, "Left")
    assert.deepStrictEqual(taken, [0, 0, 0, 0])
    const restarts = StatusRuns.timesToSee(setting, "Restarted", away < 40 ? away : 0)
    assert.strictEqual(restarts.length, 4)
    assert.isAtMost(Math.max(...restarts), 1)
  })
})
