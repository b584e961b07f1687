import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as Exchange from "./Exchange.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Windowsize = Schema.Literals([1, 2, 3, 4, 7, 16, 64, 200])
const Rollover = Schema.Literals([0, 1])

/** What befalls one packet of a kind: the copies that arrive, by their lateness in ms. */
const Fault = Schema.Struct({
  kind: Schema.Literals(["DATA", "ACK"]),
  index: between(0, 150),
  late: Schema.Array(Schema.Literals([0, 0.003, 0.1, 3, 11, 25, 70, 200])).check(Schema.isMaxLength(3))
})
type Fault = typeof Fault.Type
const Faults = Schema.Array(Fault).check(Schema.isMaxLength(12))

const fate =
  (faults: ReadonlyArray<Fault>) =>
  ({ index, kind }: Exchange.Packet): ReadonlyArray<number> =>
    faults.find((fault) => fault.kind === kind && fault.index === index)?.late ?? [0]

const assertWhole = (outcome: Exchange.Outcome, last: number) => {
  assert.deepStrictEqual(outcome.wrong, [])
  assert.strictEqual(outcome.kept, last)
  assert.isTrue(outcome.finished)
  assert.isTrue(outcome.sizeMatches)
}

const Scene = Schema.Struct({
  windowsize: Windowsize,
  rollover: Rollover,
  count: between(1, 300),
  from: Schema.Literals([0, 65_400, 65_530, 65_535, 131_000, 131_070]),
  learns: Schema.Literals([false, true]),
  impatient: Schema.Boolean,
  measured: Schema.Boolean
})

/**
 * Whether the receiver has to find out about the rollover within a window. A sender that rolls over to 1 then has to
 * send a pass twice; and one that rolls over to 0 is taken for it when it loses block 0 in two passes, which only the
 * size tells.
 */
const doubts = ({ count, from, learns, windowsize }: typeof Scene.Type) =>
  learns && windowsize > 1 && from < 65_536 && from + count > 65_535

const setupOf = (scene: typeof Scene.Type, faults: ReadonlyArray<Fault>): Exchange.Setup => ({
  ...scene,
  last: scene.from + scene.count,
  learns: scene.learns && scene.from < 65_536,
  fate: fate(faults)
})

const DataOnce = Schema.Struct({
  windowsize: Windowsize,
  rollover: Rollover,
  windows: between(1, 4),
  tail: between(0, 9)
})

describe("Exchange", () => {
  it.prop(
    "keeps each block once, in order, and ends, whatever the channel does for a while",
    [Scene, Faults],
    ([scene, faults]) => {
      const setup = setupOf(scene, faults)
      const outcome = Exchange.run(setup)
      if (doubts(scene) && outcome.wrong.length > 0) assert.isFalse(outcome.sizeMatches)
      else assertWhole(outcome, setup.last)
    },
    { arbitrary: { runs: 2000 } }
  )

  it.prop(
    "sends at most three windows more for each fault, and the timer fires at most twice",
    [Scene, Faults],
    ([scene, faults]) => {
      if (doubts(scene)) return
      const { data, silences } = Exchange.run(setupOf(scene, faults))
      const reach = Math.min(scene.windowsize, scene.count)
      assert.isAtMost(data, scene.count + 3 * reach * faults.length)
      assert.isAtMost(silences, 2 * faults.length)
    },
    { arbitrary: { runs: 2000 } }
  )

  it.prop("sends each block once when nothing goes wrong", [Scene], ([scene]) => {
    if (doubts(scene)) return
    const { acks, data, gaps, rtt, silences } = Exchange.run(setupOf(scene, []))
    assert.deepStrictEqual([data, gaps, silences], [scene.count, 0, 0])
    assert.strictEqual(acks, Math.ceil(scene.count / scene.windowsize))
    if (acks > 1) assert.isAtMost(Math.abs(rtt!.smoothed - 20), 1)
  })

  for (const windowsize of [2, 4, 16, 64, 200]) {
    for (const [name, offset] of [
      ["first", 1],
      ["second", 2],
      ["middle", windowsize >> 1],
      ["last but one", windowsize - 1],
      ["last", windowsize]
    ] as const) {
      it(`a window of ${windowsize} that loses its ${name} block costs at most two windows`, () => {
        for (const rollover of [0, 1] as const) {
          for (const from of [0, 65_530, 65_536 - windowsize]) {
            for (const window of [0, 1, 2]) {
              const lost = from + window * windowsize + offset
              let drops = 1
              const last = from + 4 * windowsize + 1
              const outcome = Exchange.run({
                windowsize,
                rollover,
                from,
                last,
                fate: ({ block, kind }) => (kind === "DATA" && block === lost && drops-- > 0 ? [] : [0])
              })
              assertWhole(outcome, last)
              // Only what the timer sends again may be in vain.
              assert.isAtMost(outcome.data, last - from + (offset === windowsize ? windowsize : 1))
              assert.strictEqual(outcome.times[lost], 2)
              assert.strictEqual(outcome.silences, offset === windowsize ? 1 : 0)
              assert.strictEqual(outcome.gaps, offset === windowsize ? 0 : 1)
            }
          }
        }
      })
    }

    it(`a window of ${windowsize} whose ACK is lost costs at most two windows`, () => {
      const last = 3 * windowsize + 1
      for (const index of [0, 1, 2, 3]) {
        const outcome = Exchange.run({
          windowsize,
          rollover: 0,
          last,
          fate: (packet) => (packet.kind === "ACK" && packet.index === index ? [] : [0])
        })
        assertWhole(outcome, last)
        assert.isAtMost(outcome.data, last + windowsize)
        assert.strictEqual(outcome.silences, 1)
      }
    })
  }

  it.prop("sends each block once when every ACK is doubled at once", [Scene], ([scene]) => {
    if (doubts(scene)) return
    const setup = setupOf(scene, [])
    const outcome = Exchange.run({ ...setup, fate: ({ kind }) => (kind === "ACK" ? [0, 0] : [0]) })
    assertWhole(outcome, setup.last)
    assert.strictEqual(outcome.data, scene.count)
  })

  it.prop(
    "sends each block at most twice when every ACK is doubled, however late",
    [Scene, between(0, 80)],
    ([scene, late]) => {
      if (doubts(scene)) return
      const setup = setupOf(scene, [])
      const outcome = Exchange.run({ ...setup, fate: ({ kind }) => (kind === "ACK" ? [0, late] : [0]) })
      assertWhole(outcome, setup.last)
      if (scene.windowsize === 1) assert.strictEqual(outcome.data, scene.count)
      for (let block = scene.from + 1; block <= setup.last; block++) assert.isAtMost(outcome.times[block]!, 2)
    }
  )

  it.prop(
    "sends each block at most twice when every DATA is doubled, however late",
    [Scene, between(0, 80)],
    ([scene, late]) => {
      if (doubts(scene)) return
      const setup = setupOf(scene, [])
      const outcome = Exchange.run({ ...setup, fate: ({ kind }) => (kind === "DATA" ? [0, late] : [0]) })
      assertWhole(outcome, setup.last)
      if (scene.windowsize === 1) assert.strictEqual(outcome.data, scene.count)
      for (let block = scene.from + 1; block <= setup.last; block++) assert.isAtMost(outcome.times[block]!, 2)
    }
  )

  it.prop(
    "sends each block once when blocks are overtaken by three others, but for the ends of windows",
    [DataOnce, between(0, 2 ** 31)],
    ([{ rollover, tail, windows, windowsize }, seed]) => {
      const random = FaultRandom.sequence(seed)
      const last = windows * windowsize + tail + 1
      // The blocks leave 1 µs apart.
      const late = ({ block, kind }: Exchange.Packet) => {
        const offset = (block - 1) % windowsize
        const near = offset > windowsize - 5 || block > last - 4
        return [kind === "DATA" && !near && random() < 0.2 ? 0.0031 : 0]
      }
      const outcome = Exchange.run({ windowsize, rollover, last, fate: late })
      assertWhole(outcome, last)
      assert.deepStrictEqual([outcome.data, outcome.gaps, outcome.silences], [last, 0, 0])
    },
    { arbitrary: { runs: 500 } }
  )

  it.each([
    [0.01, 1.05],
    [0.1, 1.5]
  ])("with %f of all packets lost, a window of 64 sends %f DATA a block at most, on average", (loss, most) => {
    const last = 2_000
    let data = 0
    for (let seed = 1; seed <= 20; seed++) {
      const random = FaultRandom.sequence(seed)
      const outcome = Exchange.run({ windowsize: 64, rollover: 0, last, fate: () => (random() < loss ? [] : [0]) })
      assertWhole(outcome, last)
      assert.isBelow(outcome.mostHeld, 64)
      data += outcome.data
    }
    assert.isAtMost(data / (20 * last), most)
  })

  it.prop(
    "comes through steady loss",
    [DataOnce, between(0, 2 ** 31), Schema.Literals([0.01, 0.1, 0.3])],
    ([{ rollover, tail, windows, windowsize }, seed, loss]) => {
      const random = FaultRandom.sequence(seed)
      const last = windows * windowsize + tail + 1
      const outcome = Exchange.run({ windowsize, rollover, last, fate: () => (random() < loss ? [] : [0]) })
      assertWhole(outcome, last)
    },
    { arbitrary: { runs: 300 } }
  )

  for (const rollover of [0, 1] as const) {
    for (const learns of [false, true]) {
      for (const windowsize of [1, 64, 1000]) {
        const knows = learns ? "found out" : "agreed"
        it(`70,000 blocks roll over to ${rollover}, ${knows}, windowsize ${windowsize}`, () => {
          const outcome = Exchange.run({ windowsize, rollover, learns, last: 70_000 })
          assertWhole(outcome, 70_000)
        })
      }
    }
  }

  it("140,001 blocks roll over twice, the block after each wrap lost", () => {
    for (const rollover of [0, 1] as const) {
      const lost = new Set([65_535, 65_536, 65_537, 131_070, 131_071, 131_072, 131_073])
      const fate = ({ block, kind }: Exchange.Packet) => (kind === "DATA" && lost.delete(block) ? [] : [0])
      assertWhole(Exchange.run({ windowsize: 64, rollover, last: 140_001, fate }), 140_001)
    }
  })

  describe("a receiver that finds out about the rollover within a window", () => {
    const last = 65_600
    const setup = { windowsize: 16, from: 65_500, last, learns: true } as const

    it("waits for a second pass that begins with 1, as block 0 may be lost", () => {
      let drops = 1
      const fate = ({ block, kind }: Exchange.Packet) => (kind === "DATA" && block === 65_536 && drops-- > 0 ? [] : [0])
      const zero = Exchange.run({ ...setup, rollover: 0, fate })
      assertWhole(zero, last)
      assert.strictEqual(zero.silences, 0)
      const one = Exchange.run({ ...setup, rollover: 1 })
      assertWhole(one, last)
      assert.isAtMost(one.data, last - setup.from + 2 * setup.windowsize)
    })

    it("notices by the size that it was wrong, when block 0 was lost in both passes", () => {
      let drops = 2
      const fate = ({ block, kind }: Exchange.Packet) => (kind === "DATA" && block === 65_536 && drops-- > 0 ? [] : [0])
      const outcome = Exchange.run({ ...setup, rollover: 0, fate })
      assert.strictEqual(outcome.wrong[0], 65_537)
      assert.isFalse(outcome.sizeMatches)
    })

    it("goes no further when it does not know the size", () => {
      const outcome = Exchange.run({ ...setup, rollover: 1, sized: false })
      assert.deepStrictEqual([outcome.kept, outcome.wrong, outcome.finished], [65_535, [], false])
      assertWhole(Exchange.run({ ...setup, rollover: 0, sized: false }), last)
    })
  })
})
