import { assert, describe, it } from "@effect/vitest"
import * as Hash from "effect/Hash"
import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusNetwork from "../../support/status/StatusNetwork.ts"
import * as HeartbeatArbitrary from "../wire/HeartbeatArbitrary.ts"

const { heartbeat, bytesOf, decode, idOf } = StatusNetwork

type Tag = StatusNetwork.Change["_tag"]

const stateAfter: Partial<Record<Tag, Peer.State>> = {
  Joined: "alive",
  Restarted: "alive",
  Alive: "alive",
  Suspect: "suspect",
  Down: "down",
  Left: "left"
}

/** Rebuilds the states from the changes alone. */
const replicate = () => {
  const states = new Map<string, Peer.State>()
  return {
    states,
    apply: ({ _tag, peer: { id } }: StatusNetwork.Change) => {
      const before = states.get(id)
      assert.strictEqual(before === undefined, _tag === "Joined", `${_tag} of one that was ${before}`)
      const after = stateAfter[_tag]
      if (after !== undefined && _tag !== "Restarted") assert.notStrictEqual(before, after)
      if (_tag === "Forgotten") states.delete(id)
      else if (after !== undefined) states.set(id, after)
    }
  }
}

const tags = (changes: ReadonlyArray<StatusNetwork.Change>) => changes.map(({ _tag }) => _tag)

/** Returns the tags of the changes caused by packets and ticks at the given times. */
const play = (steps: ReadonlyArray<readonly [now: number, packet?: Peer.Heartbeat]>) => {
  let table = PeerTable.make({ decode }, 0)
  const seen: Array<Tag> = []
  for (const [now, packet] of steps) {
    const [next, changes] = packet === undefined ? PeerTable.tick(table, now) : PeerTable.receive(table, packet, now)
    table = next
    seen.push(...tags(changes))
  }
  return { table, seen }
}

describe("PeerTable", () => {
  it.prop(
    "equals the state rebuilt from its changes, stays bounded and sorted, and equals a table that checks all records",
    [HeartbeatArbitrary.events],
    ([events]) => {
      const options = { decode, self: idOf(4), maxPeers: 4, forgetAfter: 12 }
      let table = PeerTable.make(options, 0)
      let restless = PeerTable.make(options, 0)
      let now = 0
      const replica = replicate()
      for (const { packet, wait } of events) {
        now += wait
        const [next, changes] =
          packet === undefined ? PeerTable.tick(table, now) : PeerTable.receive(table, packet, now)
        const awake = { ...restless, nextCheckAt: Number.NEGATIVE_INFINITY }
        const [other, same] =
          packet === undefined ? PeerTable.tick(awake, now) : PeerTable.receive(restless, packet, now)
        table = next
        restless = other
        changes.forEach(replica.apply)
        assert.deepStrictEqual(changes, same)
        const peers = PeerTable.peers(table, now)
        assert.deepStrictEqual(peers, PeerTable.peers(restless, now))
        assert.isAtMost(peers.length, options.maxPeers)
        assert.deepStrictEqual(
          new Map(peers.map(({ id, state }) => [id, state])),
          new Map([...replica.states].sort(by(peers)))
        )
        for (const peer of peers) {
          assert.deepStrictEqual(PeerTable.get(table, peer.id, now), peer)
          assert.isTrue(peer.age >= 0 && peer.stateAge >= 0 && peer.knownFor >= 0 && peer.loss >= 0 && peer.loss <= 1)
        }
        for (const { _tag, peer } of changes.slice(-1)) {
          if (_tag !== "Forgotten") assert.deepStrictEqual(PeerTable.get(table, peer.id, now), peer)
        }
        assert.deepStrictEqual(
          peers.map(({ id, name }) => name + id),
          peers.map(({ id, name }) => name + id).sort()
        )
      }
    },
    { arbitrary: { runs: 250 } }
  )

  it("keeps the last valid payload of a peer that sends an invalid one", () => {
    const { seen, table } = play([
      [0, heartbeat()],
      [900, heartbeat({ sequence: 1, payload: bytesOf("?") })],
      [1_800, heartbeat({ sequence: 2, payload: bytesOf("?") })]
    ])
    assert.deepStrictEqual(seen, ["Joined", "Updated"])
    const peer = PeerTable.get(table, idOf(0), 1_800)!
    assert.strictEqual(peer.payload, "well")
    assert.strictEqual(peer.invalid, "text that begins with a question mark")
    const [better, changes] = PeerTable.receive(table, heartbeat({ sequence: 3, payload: bytesOf("fine") }), 2_700)
    assert.deepStrictEqual(tags(changes), ["Updated"])
    assert.include(PeerTable.get(better, idOf(0), 2_700), { payload: "fine", invalid: undefined, state: "alive" })
  })

  it("copies the payload out of the datagram", () => {
    const payload = bytesOf("well")
    const { table } = play([[0, heartbeat({ payload })]])
    payload.fill(63)
    const [, changes] = PeerTable.receive(table, heartbeat({ sequence: 1 }), 900)
    assert.deepStrictEqual(changes, [])
  })

  it("changes a silent peer to suspect, down and forgotten at the configured times", () => {
    const looks = Array.from({ length: 280 }, (_, n) => [(n + 1) * 250] as const)
    let table = PeerTable.make({ decode }, 0)
    const seen: Array<readonly [Tag, number]> = []
    for (const [now, first] of [[0, heartbeat()] as const, ...looks]) {
      const step = first === undefined ? PeerTable.tick(table, now) : PeerTable.receive(table, first, now)
      table = step[0]
      for (const { _tag } of step[1]) seen.push([_tag, now])
    }
    assert.deepStrictEqual(seen, [
      ["Joined", 0],
      ["Suspect", 3_000],
      ["Down", 5_000],
      ["Forgotten", 65_000]
    ])
    assert.strictEqual(table.nextCheckAt, Number.POSITIVE_INFINITY)
  })

  it("applies a goodbye once and a return at once, and ignores a goodbye of an unknown peer", () => {
    const goodbye = heartbeat({ sequence: 5, goodbye: true })
    assert.deepStrictEqual(play([[0, goodbye]]).seen, [])
    const { seen } = play([
      [0, heartbeat({ sequence: 4 })],
      [100, goodbye],
      [200, goodbye],
      [300, heartbeat({ sequence: 3 })],
      [400, heartbeat({ sequence: 6 })]
    ])
    assert.deepStrictEqual(seen, ["Joined", "Left", "Alive"])
  })

  it("separates ids with equal hashes", () => {
    const letters = Array.from({ length: 90 }, (_, n) => String.fromCharCode(33 + n))
    const ids = letters.flatMap((one) => letters.map((other) => `course:${one}${other}`))
    const alike = [...Map.groupBy(ids, Hash.string).values()].find((group) => group.length > 1)!
    const { table } = play(alike.map((id, at) => [at, heartbeat({ id })]))
    assert.deepStrictEqual(
      PeerTable.peers(table, 9).map(({ id }) => id),
      alike.toSorted()
    )
  })
})

/** Sorts by the order of a list of peers. */
const by =
  (peers: ReadonlyArray<Peer.Peer<string>>) =>
  ([one]: readonly [string, Peer.State], [other]: readonly [string, Peer.State]) =>
    peers.findIndex(({ id }) => id === one) - peers.findIndex(({ id }) => id === other)
