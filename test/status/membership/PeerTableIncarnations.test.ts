import { assert, describe, it } from "@effect/vitest"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusNetwork from "../../support/status/StatusNetwork.ts"
import { between } from "../wire/HeartbeatArbitrary.ts"

const { heartbeat, decode, idOf } = StatusNetwork

const seeds = between(0, 1_000_000)

type Timed = readonly [at: number, beat: Peer.Heartbeat]

interface Life {
  readonly incarnation: number
  readonly from: number
  readonly until: number
  readonly first?: number
}

/** Returns the packets of one incarnation, with gaps of 0.8 to 1.0 seconds. */
const living = ({ first = 0, from, incarnation, until }: Life, roll: () => number): ReadonlyArray<Timed> => {
  const sent: Array<Timed> = []
  for (let at = from, sequence = first; at < until; at += 800 + 200 * roll()) {
    sent.push([at, heartbeat({ incarnation, sequence: sequence++, name: `life ${incarnation}` })])
  }
  return sent
}

/** Returns the changes of a table that receives these packets and ticks every 250 ms. */
const hear = (packets: ReadonlyArray<Timed>, until: number, self?: string) => {
  let table = PeerTable.make({ decode, self }, 0)
  const heard: Array<readonly [tag: string, at: number]> = []
  const sorted = packets.toSorted(([one], [other]) => one - other)
  let next = 0
  for (let now = 0; now <= until; now += 250) {
    for (; next < sorted.length && sorted[next]![0] <= now; next++) {
      const [at, beat] = sorted[next]!
      const step = PeerTable.receive(table, beat, at)
      table = step[0]
      for (const { _tag } of step[1]) heard.push([_tag, at])
    }
    const step = PeerTable.tick(table, now)
    table = step[0]
    for (const { _tag } of step[1]) heard.push([_tag, now])
  }
  return { heard, tags: heard.map(([tag]) => tag), peer: PeerTable.get(table, idOf(0), until), table }
}

/** Delays each packet by up to `maxDelayMillis`, and duplicates some. */
const spoil = (packets: ReadonlyArray<Timed>, most: number, roll: () => number) =>
  packets.flatMap(([at, beat]) =>
    Array.from({ length: roll() < 0.3 ? 3 : 1 }, (): Timed => [at + (roll() < 0.5 ? 0 : most * roll()), beat])
  )

describe("PeerTable incarnations", () => {
  it.prop("ignores reordered and duplicate packets, and does not count them as lost", [seeds], ([seed]) => {
    const roll = FaultRandom.sequence(seed)
    const packets = living({ incarnation: 1, from: 0, until: 60_000 }, roll)
    const { peer, tags } = hear(spoil(packets, 1_800, roll), 60_000)
    assert.deepStrictEqual(tags, ["Joined"])
    assert.strictEqual(peer?.state, "alive")
    assert.isAtMost(peer!.loss, 0.04)
  })

  it.prop(
    "detects a restart with its first packet, whatever late or duplicate packets of the previous run arrive",
    [seeds],
    ([seed]) => {
      const roll = FaultRandom.sequence(seed)
      const diesAt = 10_000 + 1_000 * roll()
      const backAt = diesAt + 3_000 * roll()
      const old = spoil(living({ incarnation: 5, from: 0, until: diesAt }, roll), 1_800, roll)
      const { heard, peer, tags } = hear(
        [...old, ...living({ incarnation: 6, from: backAt, until: 30_000 }, roll)],
        30_000
      )
      assert.deepStrictEqual(
        tags.filter((tag) => tag === "Restarted" || tag === "Conflict"),
        ["Restarted"]
      )
      assert.strictEqual(heard.find(([tag]) => tag === "Restarted")?.[1], backAt)
      assert.include(peer!, { state: "alive", incarnation: 6, conflict: false, name: "life 6" })
    }
  )

  for (const [what, incarnation, first] of [
    ["clock was set back", 3, 0],
    ["state was restored, its sequence with it", 5, 0]
  ] as const) {
    it.prop(
      `detects a restart of a peer whose ${what} before it is down, and without a conflict`,
      [seeds],
      ([seed]) => {
        const roll = FaultRandom.sequence(seed)
        const older = living({ incarnation: 4, from: 0, until: 10_000 }, roll)
        const old = living({ incarnation: 5, from: 10_000, until: 50_000, first: 7 }, roll)
        const stale = old.slice(-3, -1).map(([at, beat]): Timed => [at + 1_800, beat])
        const fresh = living({ incarnation, from: 50_000 + 500 * roll(), until: 90_000, first }, roll)
        const { peer, tags } = hear([...older, ...old, ...stale, ...fresh], 90_000)
        assert.deepStrictEqual(tags, ["Joined", "Restarted", "Suspect", "Restarted"])
        assert.include(peer!, { state: "alive", incarnation, conflict: false })
      }
    )
  }

  it.prop("does not return to an ended incarnation, however many of its packets arrive late", [seeds], ([seed]) => {
    const roll = FaultRandom.sequence(seed)
    const old = living({ incarnation: 4, from: 0, until: 40_000 }, roll)
    const last = living({ incarnation: 5, from: 40_000, until: 80_000 }, roll)
    const at = 81_000 + 8_000 * roll()
    const again = (packets: ReadonlyArray<Timed>) =>
      packets.slice(0, -1).map(([, beat], n): Timed => [at + 10 * n, beat])
    for (const stale of [again(old), again(last)]) {
      const { peer, tags } = hear([...old, ...last, ...stale], 90_000)
      assert.deepStrictEqual(tags, ["Joined", "Restarted", "Suspect", "Down"])
      assert.strictEqual(peer?.state, "down")
    }
  })

  it("does not return to an ended incarnation with a greater number, after the clock was set back", () => {
    const roll = FaultRandom.sequence(1)
    const old = living({ incarnation: 5, from: 0, until: 20_000 }, roll)
    const fresh = living({ incarnation: 3, from: 20_500, until: 40_000 }, roll)
    const [, straggler] = old.at(-1)!
    const { peer, tags } = hear([...old.slice(0, -1), ...fresh, [26_000, straggler]], 40_000)
    assert.deepStrictEqual(tags, ["Joined", "Suspect", "Restarted"])
    assert.include(peer!, { state: "alive", incarnation: 3, conflict: false })
  })

  it("reports no conflict for one packet of an ended incarnation that is repeated", () => {
    const roll = FaultRandom.sequence(1)
    const old = living({ incarnation: 5, from: 0, until: 20_000 }, roll)
    const fresh = living({ incarnation: 6, from: 20_500, until: 50_000 }, roll)
    const [, echo] = old.at(-1)!
    const echoes = Array.from({ length: 80 }, (_, n): Timed => [21_000 + 500 * n, echo])
    const { peer, tags } = hear([...old.slice(0, -1), ...fresh, ...echoes], 60_000)
    assert.deepStrictEqual(tags, ["Joined", "Restarted", "Suspect", "Down"])
    assert.strictEqual(peer?.conflict, false)
  })

  it("does not offset losses with packets sent before the first one received", () => {
    const [, other] = [0, 1].map(idOf)
    const { table } = hear(
      [
        [0, heartbeat()],
        [1_800, heartbeat({ sequence: 2 })],
        [2_000, heartbeat({ id: other!, sequence: 9 })],
        [2_100, heartbeat({ id: other!, sequence: 8 })]
      ],
      2_250
    )
    assert.deepStrictEqual(table.networkLoss, { expected: 2, lost: 1, lossBursts: 1, latenessMillis: 0 })
  })

  it.prop("reports two peers with one id as one conflict, until one of them stops", [seeds], ([seed]) => {
    const roll = FaultRandom.sequence(seed)
    const [stops, stays] = roll() < 0.5 ? [5, 6] : [6, 5]
    const from = roll() < 0.5 ? [0, 5_000] : [5_000, 0]
    const packets = [
      ...living({ incarnation: stops, from: from[0]!, until: 40_000 }, roll),
      ...living({ incarnation: stays, from: from[1]!, until: 80_000 }, roll)
    ]
    const during = hear(packets, 39_000)
    assert.deepStrictEqual(
      during.tags.filter((tag) => tag === "Conflict"),
      ["Conflict"]
    )
    assert.isAtMost(during.heard.find(([tag]) => tag === "Conflict")![1], 12_000)
    assert.isTrue(during.peer!.conflict)
    const after = hear(packets, 80_000)
    assert.deepStrictEqual(after.tags.slice(0, during.tags.length), during.tags)
    assert.notInclude(after.tags.slice(during.tags.length), "Conflict")
    assert.include(after.peer!, { state: "alive", incarnation: stays, conflict: false })
  })

  it.prop("reports three peers with one id as a conflict", [seeds], ([seed]) => {
    const roll = FaultRandom.sequence(seed)
    const lives = [4, 5, 6].map((incarnation) => living({ incarnation, from: 4_000 * roll(), until: 40_000 }, roll))
    const { peer, tags } = hear(lives.flat(), 39_000)
    assert.include(tags, "Conflict")
    assert.isTrue(peer!.conflict)
  })

  it("reports another peer with the own id as a conflict, until it stops", () => {
    const roll = FaultRandom.sequence(1)
    const own = living({ incarnation: 5, from: 0, until: 60_000 }, roll)
    const thief = living({ incarnation: 6, from: 10_000, until: 30_000 }, roll)
    const during = hear([...own, ...thief], 29_000, idOf(0))
    assert.deepStrictEqual(during.tags, ["Joined", "Restarted", "Conflict"])
    assert.include(hear([...own, ...thief], 60_000, idOf(0)).peer!, { self: true, incarnation: 5, conflict: false })
  })

  it("accepts a peer again a few heartbeats after a forged packet from the far future", () => {
    const roll = FaultRandom.sequence(1)
    const life = living({ incarnation: 5, from: 0, until: 30_000 }, roll)
    for (const forged of [{ sequence: 2 ** 32 - 1, incarnation: 5 }, { incarnation: 2 ** 53 - 1 }]) {
      const { peer, tags } = hear([...life, [10_000, heartbeat(forged)]], 30_000)
      assert.notInclude(tags, "Down")
      assert.include(peer!, { state: "alive", incarnation: 5 })
    }
  })
})
