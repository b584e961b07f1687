import { assert, describe, it } from "@effect/vitest"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusNetwork from "../../support/status/StatusNetwork.ts"
import { between } from "../wire/HeartbeatArbitrary.ts"

const { heartbeat, decode, idOf } = StatusNetwork

const seeds = between(0, 1_000_000)

type Timed = readonly [at: number, packet: Peer.Heartbeat]

interface Run {
  readonly incarnation: number
  readonly from: number
  readonly until: number
  readonly first?: number
}

/** Returns the packets of one incarnation, with gaps of 0.8 to 1.0 seconds. */
const packetsOf = ({ first = 0, from, incarnation, until }: Run, random: () => number): ReadonlyArray<Timed> => {
  const sent: Array<Timed> = []
  for (let at = from, sequence = first; at < until; at += 800 + 200 * random()) {
    sent.push([at, heartbeat({ incarnation, sequence: sequence++, name: `run ${incarnation}` })])
  }
  return sent
}

/** Returns the changes of a table that receives these packets and ticks every 250 ms. */
const replay = (packets: ReadonlyArray<Timed>, until: number, self?: string) => {
  let table = PeerTable.make({ decode, self }, 0)
  const timedTags: Array<readonly [tag: string, at: number]> = []
  const sorted = packets.toSorted(([one], [other]) => one - other)
  let next = 0
  for (let now = 0; now <= until; now += 250) {
    for (; next < sorted.length && sorted[next]![0] <= now; next++) {
      const [at, packet] = sorted[next]!
      const step = PeerTable.receive(table, packet, at)
      table = step[0]
      for (const { _tag } of step[1]) timedTags.push([_tag, at])
    }
    const step = PeerTable.tick(table, now)
    table = step[0]
    for (const { _tag } of step[1]) timedTags.push([_tag, now])
  }
  return { timedTags, tags: timedTags.map(([tag]) => tag), peer: PeerTable.get(table, idOf(0), until), table }
}

/** Delays each packet by up to `maxDelayMillis`, and duplicates some. */
const perturb = (packets: ReadonlyArray<Timed>, maxDelayMillis: number, random: () => number) =>
  packets.flatMap(([at, packet]) =>
    Array.from(
      { length: random() < 0.3 ? 3 : 1 },
      (): Timed => [at + (random() < 0.5 ? 0 : maxDelayMillis * random()), packet]
    )
  )

describe("PeerTable incarnations", () => {
  it.prop("ignores reordered and duplicate packets, and does not count them as lost", [seeds], ([seed]) => {
    const random = FaultRandom.sequence(seed)
    const packets = packetsOf({ incarnation: 1, from: 0, until: 60_000 }, random)
    const { peer, tags } = replay(perturb(packets, 1_800, random), 60_000)
    assert.deepStrictEqual(tags, ["Joined"])
    assert.strictEqual(peer?.state, "alive")
    assert.isAtMost(peer!.loss, 0.04)
  })

  it.prop(
    "detects a restart with its first packet, whatever late or duplicate packets of the previous run arrive",
    [seeds],
    ([seed]) => {
      const random = FaultRandom.sequence(seed)
      const stopsAt = 10_000 + 1_000 * random()
      const restartsAt = stopsAt + 3_000 * random()
      const old = perturb(packetsOf({ incarnation: 5, from: 0, until: stopsAt }, random), 1_800, random)
      const { timedTags, peer, tags } = replay(
        [...old, ...packetsOf({ incarnation: 6, from: restartsAt, until: 30_000 }, random)],
        30_000
      )
      assert.deepStrictEqual(
        tags.filter((tag) => tag === "Restarted" || tag === "Conflict"),
        ["Restarted"]
      )
      assert.strictEqual(timedTags.find(([tag]) => tag === "Restarted")?.[1], restartsAt)
      assert.include(peer!, { state: "alive", incarnation: 6, conflict: false, name: "run 6" })
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
        const random = FaultRandom.sequence(seed)
        const older = packetsOf({ incarnation: 4, from: 0, until: 10_000 }, random)
        const old = packetsOf({ incarnation: 5, from: 10_000, until: 50_000, first: 7 }, random)
        const stale = old.slice(-3, -1).map(([at, packet]): Timed => [at + 1_800, packet])
        const fresh = packetsOf({ incarnation, from: 50_000 + 500 * random(), until: 90_000, first }, random)
        const { peer, tags } = replay([...older, ...old, ...stale, ...fresh], 90_000)
        assert.deepStrictEqual(tags, ["Joined", "Restarted", "Suspect", "Restarted"])
        assert.include(peer!, { state: "alive", incarnation, conflict: false })
      }
    )
  }

  it.prop("does not return to an ended incarnation, however many of its packets arrive late", [seeds], ([seed]) => {
    const random = FaultRandom.sequence(seed)
    const old = packetsOf({ incarnation: 4, from: 0, until: 40_000 }, random)
    const last = packetsOf({ incarnation: 5, from: 40_000, until: 80_000 }, random)
    const at = 81_000 + 8_000 * random()
    const again = (packets: ReadonlyArray<Timed>) =>
      packets.slice(0, -1).map(([, packet], n): Timed => [at + 10 * n, packet])
    for (const stale of [again(old), again(last)]) {
      const { peer, tags } = replay([...old, ...last, ...stale], 90_000)
      assert.deepStrictEqual(tags, ["Joined", "Restarted", "Suspect", "Down"])
      assert.strictEqual(peer?.state, "down")
    }
  })

  it("does not return to an ended incarnation with a greater number, after the clock was set back", () => {
    const random = FaultRandom.sequence(1)
    const old = packetsOf({ incarnation: 5, from: 0, until: 20_000 }, random)
    const fresh = packetsOf({ incarnation: 3, from: 20_500, until: 40_000 }, random)
    const [, straggler] = old.at(-1)!
    const { peer, tags } = replay([...old.slice(0, -1), ...fresh, [26_000, straggler]], 40_000)
    assert.deepStrictEqual(tags, ["Joined", "Suspect", "Restarted"])
    assert.include(peer!, { state: "alive", incarnation: 3, conflict: false })
  })

  it("reports no conflict for one packet of an ended incarnation that is repeated", () => {
    const random = FaultRandom.sequence(1)
    const old = packetsOf({ incarnation: 5, from: 0, until: 20_000 }, random)
    const fresh = packetsOf({ incarnation: 6, from: 20_500, until: 50_000 }, random)
    const [, echo] = old.at(-1)!
    const echoes = Array.from({ length: 80 }, (_, n): Timed => [21_000 + 500 * n, echo])
    const { peer, tags } = replay([...old.slice(0, -1), ...fresh, ...echoes], 60_000)
    assert.deepStrictEqual(tags, ["Joined", "Restarted", "Suspect", "Down"])
    assert.strictEqual(peer?.conflict, false)
  })

  it("does not offset losses with packets sent before the first one received", () => {
    const [, other] = [0, 1].map(idOf)
    const { table } = replay(
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
    const random = FaultRandom.sequence(seed)
    const [stops, stays] = random() < 0.5 ? [5, 6] : [6, 5]
    const from = random() < 0.5 ? [0, 5_000] : [5_000, 0]
    const packets = [
      ...packetsOf({ incarnation: stops, from: from[0]!, until: 40_000 }, random),
      ...packetsOf({ incarnation: stays, from: from[1]!, until: 80_000 }, random)
    ]
    const during = replay(packets, 39_000)
    assert.deepStrictEqual(
      during.tags.filter((tag) => tag === "Conflict"),
      ["Conflict"]
    )
    assert.isAtMost(during.timedTags.find(([tag]) => tag === "Conflict")![1], 12_000)
    assert.isTrue(during.peer!.conflict)
    const after = replay(packets, 80_000)
    assert.deepStrictEqual(after.tags.slice(0, during.tags.length), during.tags)
    assert.notInclude(after.tags.slice(during.tags.length), "Conflict")
    assert.include(after.peer!, { state: "alive", incarnation: stays, conflict: false })
  })

  it.prop("reports three peers with one id as a conflict", [seeds], ([seed]) => {
    const random = FaultRandom.sequence(seed)
    const runs = [4, 5, 6].map((incarnation) =>
      packetsOf({ incarnation, from: 4_000 * random(), until: 40_000 }, random)
    )
    const { peer, tags } = replay(runs.flat(), 39_000)
    assert.include(tags, "Conflict")
    assert.isTrue(peer!.conflict)
  })

  it("reports another peer with the own id as a conflict, until it stops", () => {
    const random = FaultRandom.sequence(1)
    const own = packetsOf({ incarnation: 5, from: 0, until: 60_000 }, random)
    const impostor = packetsOf({ incarnation: 6, from: 10_000, until: 30_000 }, random)
    const during = replay([...own, ...impostor], 29_000, idOf(0))
    assert.deepStrictEqual(during.tags, ["Joined", "Restarted", "Conflict"])
    assert.include(replay([...own, ...impostor], 60_000, idOf(0)).peer!, {
      self: true,
      incarnation: 5,
      conflict: false
    })
  })

  it("accepts a peer again a few heartbeats after a forged packet from the far future", () => {
    const random = FaultRandom.sequence(1)
    const packets = packetsOf({ incarnation: 5, from: 0, until: 30_000 }, random)
    for (const forged of [{ sequence: 2 ** 32 - 1, incarnation: 5 }, { incarnation: 2 ** 53 - 1 }]) {
      const { peer, tags } = replay([...packets, [10_000, heartbeat(forged)]], 30_000)
      assert.notInclude(tags, "Down")
      assert.include(peer!, { state: "alive", incarnation: 5 })
    }
  })
})
