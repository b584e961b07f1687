import { assert, describe, it } from "@effect/vitest"
import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import * as StatusNetwork from "../../support/status/StatusNetwork.ts"
import * as StatusRuns from "../../support/status/StatusRuns.ts"
import { between } from "../wire/HeartbeatArbitrary.ts"

describe("Eviction", () => {
  for (const [what, addresses, times] of [
    ["one address", 1, 1],
    ["250 addresses", 250, 1],
    ["2,500 addresses", 2_500, 1],
    ["one address, each repeated until it looks established", 1, 3]
  ] as const) {
    it(`bounds the table, keeps established peers and admits a newcomer under 10,000 forged ids a second from ${what}`, () => {
      const { affected, joinDelay, maxRecords } = StatusRuns.floodWithForgedIds(10_000, 1.5, addresses, times)
      assert.isAtMost(maxRecords, 4_096)
      assert.strictEqual(affected, 0)
      assert.strictEqual(joinDelay, 0)
    })
  }

  it.prop(
    "keeps as many records as allowed, and all established peers when others join",
    [between(1, 40), between(0, 60)],
    ([maxPeers, newcomers]) => {
      const established = Math.min(10, maxPeers)
      let table = PeerTable.make({ decode: StatusNetwork.decode, maxPeers, self: StatusNetwork.idOf(0) }, 0)
      const receive = (peer: number, sequence: number, now: number) => {
        const from = { address: `10.0.0.${peer}`, port: 1 }
        const beat = StatusNetwork.heartbeat({ id: StatusNetwork.idOf(peer), sequence, from })
        table = PeerTable.receive(table, beat, now)[0]
      }
      for (let n = 0; n < 4; n++) for (let peer = 0; peer < established; peer++) receive(peer, n, n * 450)
      for (let n = 0; n < newcomers; n++) receive(100 + n, 0, 1_500 + n)
      const ids = PeerTable.peers(table, 1_600).map(({ id }) => id)
      assert.isAtMost(ids.length, maxPeers)
      assert.include(ids, StatusNetwork.idOf(0))
      if (established < maxPeers)
        for (let peer = 0; peer < established; peer++) assert.include(ids, StatusNetwork.idOf(peer))
    }
  )

  it("admits and keeps a newcomer while one address fills the table with established peers", () => {
    let table = PeerTable.make({ decode: StatusNetwork.decode, maxPeers: 40 }, 0)
    const receive = (peer: number, address: string, sequence: number, now: number) => {
      const beat = StatusNetwork.heartbeat({ id: StatusNetwork.idOf(peer), sequence, from: { address, port: 1 } })
      table = PeerTable.receive(table, beat, now)[0]
    }
    for (let round = 0; round < 30; round++) {
      for (let n = 0; n < 10; n++) receive(n, `10.0.1.${n}`, round, round * 450 + n)
      for (let n = 0; n < 30; n++) receive(100 + n, "10.0.0.66", round, round * 450 + 20 + n)
      if (round < 10) continue
      for (let n = 0; n < 20; n++) receive(1_000 + 20 * round + n, "10.0.0.66", 0, round * 450 + 60 + n)
      receive(50, "10.0.2.50", round, round * 450 + 100)
    }
    const peers = new Map(PeerTable.peers(table, 30 * 450).map((peer) => [peer.id, peer]))
    for (let n = 0; n < 10; n++) assert.strictEqual(peers.get(StatusNetwork.idOf(n))?.knownFor, 30 * 450 - n)
    assert.strictEqual(peers.get(StatusNetwork.idOf(50))?.knownFor, 20 * 450 - 100)
  })

  it("evicts only the least recently received peer of a table full of established ones", () => {
    let table = PeerTable.make({ decode: StatusNetwork.decode, maxPeers: 8 }, 0)
    const forgotten: Array<string> = []
    const receive = (peer: number, sequence: number, now: number) => {
      const from = { address: `10.0.0.${peer}`, port: 1 }
      const beat = StatusNetwork.heartbeat({ id: StatusNetwork.idOf(peer), sequence, from })
      const [next, changes] = PeerTable.receive(table, beat, now)
      table = next
      for (const { _tag, peer } of changes) if (_tag === "Forgotten") forgotten.push(peer.id)
    }
    for (let n = 0; n < 4; n++) for (let peer = 0; peer < 8; peer++) receive((peer + 3) % 8, n, n * 450 + peer)
    for (let peer = 8; peer < 200; peer++) receive(peer, 0, 1_500)
    assert.deepStrictEqual(forgotten, [StatusNetwork.idOf(3)])
  })
})
