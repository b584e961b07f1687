import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Event } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as World from "./DispatcherModel.ts"

const { sound } = World

const within = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A chance in percent, often none. */
const rate = Schema.Literals([0, 0, 0, 1, 5, 20, 50])

const Natures = Schema.Array(
  Schema.Struct({
    capacity: within(1, 9),
    slow: Schema.Literals([0, 1, 1, 20]),
    delay: Schema.Literals([0, 1, 30]),
    crash: rate,
    hang: rate,
    twice: rate,
    garbage: rate,
    throws: rate,
    partition: rate,
    mortal: Schema.Boolean,
    deaf: Schema.Boolean
  })
).check(Schema.isMaxLength(4))

const Rest = Schema.Struct({
  seed: within(0, 2 ** 31),
  units: within(0, 400),
  size: Schema.UndefinedOr(Schema.Literals([1, 7])),
  ordered: Schema.Boolean,
  hold: Schema.Boolean,
  buffer: within(1, 40),
  lease: Schema.Literals([300, 2_000])
})

const naturesOf = (natures: typeof Natures.Type): ReadonlyArray<World.Nature> =>
  natures.map((nature) => {
    const { crash, garbage, hang, partition, throws, twice } = nature
    const parts = { crash, garbage, hang, partition, throws, twice }
    return {
      ...nature,
      ...(Object.fromEntries(Object.entries(parts).map(([key, of]) => [key, of / 100])) as typeof parts)
    }
  })

describe("Dispatcher", () => {
  let faults = 0

  it.effect.prop(
    "merges what a plain fold does, whatever happens to workers, as long as one is left",
    [Natures, Rest],
    ([natures, rest]) =>
      Effect.sync(() => {
        const survivor = { ...sound, crash: 0.05, twice: 0.1, throws: 0.05 }
        const outcome = World.run({ ...rest, natures: [...naturesOf(natures), survivor] })
        assert.deepStrictEqual(outcome.broken, [])
        assert.strictEqual(outcome.end?._tag, "Finished")
        assert.strictEqual(World.missing(outcome.merged, rest.units), undefined)
        faults += outcome.faults
      }),
    { arbitrary: { runs: 300 } }
  )

  it("that was under faults", () => assert.isAbove(faults, 1_000))

  it.effect.prop(
    "ends for a reason when all may die, and when packets fail too often",
    [Natures, Rest, within(1, 4)],
    ([natures, rest, attempts]) =>
      Effect.sync(() => {
        const mortals = naturesOf(natures).map((nature) => ({ ...nature, mortal: true, crash: 0.2 }))
        const outcome = World.run({ ...rest, attempts, natures: mortals })
        assert.deepStrictEqual(outcome.broken, [])
        assert.isDefined(outcome.end)
        if (outcome.end?._tag === "Poison") assert.isAtLeast(outcome.end.attempts.length, attempts)
        if (outcome.end?._tag === "NoWorkers") assert.strictEqual(outcome.end.causes.length, natures.length)
        if (outcome.end?._tag === "Finished") assert.strictEqual(World.missing(outcome.merged, rest.units), undefined)
      }),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop("blames the packet that kills, and no other", [within(0, 99), within(1, 4)], ([deadly, attempts]) =>
    Effect.sync(() => {
      const outcome = World.run({ seed: deadly, units: 100, size: 1, deadly, attempts, natures: [sound, sound] })
      if (outcome.end?._tag !== "Poison") return assert.fail(`${outcome.end?._tag}`)
      assert.strictEqual(outcome.end.id, deadly)
      assert.strictEqual(outcome.end.attempts.length, attempts)
      assert.isTrue(outcome.end.attempts.every(({ kind, message }) => kind === "Lost" && message === "it crashed"))
    })
  )

  it("gives a slow worker little, and its last packet to others as well", () => {
    const slow = { ...sound, slow: 100 }
    const outcome = World.run({ seed: 1, units: 2_000, natures: [sound, sound, slow], lease: 100_000 })
    assert.strictEqual(outcome.end?._tag, "Finished")
    assert.isBelow(outcome.elapsed, 1_400)
    assert.isBelow(outcome.sentTo[2]!, 12)
  })

  it("has a straggler done by another long before its lease", () => {
    const outcome = World.run({ seed: 3, units: 200, natures: [sound, { ...sound, hang: 1 }], lease: 1e6 })
    assert.strictEqual(outcome.end?._tag, "Finished")
    assert.isBelow(outcome.elapsed, 1_000)
  })

  it("tries a packet that failed with another worker", () => {
    const natures = [{ ...sound, throws: 1, slow: 0, delay: 0 }, sound]
    const outcome = World.run({ seed: 5, units: 100, attempts: 2, natures })
    assert.strictEqual(outcome.end?._tag, "Finished")
  })

  it("gives little to a worker that only fails, however quick it is at that, and does not give it up", () => {
    const natures = [{ ...sound, throws: 1, slow: 0, delay: 0 }, sound]
    const outcome = World.run({ seed: 6, units: 5_000, size: 1, lease: 500, natures })
    assert.strictEqual(outcome.end?._tag, "Finished")
    assert.isAbove(outcome.elapsed, 4_000)
    assert.isAbove(outcome.sentTo[0]!, 8)
    assert.isBelow(outcome.sentTo[0]!, 60)
  })

  it("blames the packet that is late, not those that wait behind it", () => {
    let cut = 0
    const options = { lease: 1_000, ordered: false, hold: false, buffer: 10, target: 50, first: 1, size: 1 }
    const dispatcher = Dispatcher.make<number, number>({
      ...{ ...options, attempts: 2, total: 2, workers: [{ name: "one", capacity: 2, latency: 5 }] },
      cut: () => (cut === 2 ? undefined : { packet: cut++, units: 1 })
    })
    const sentAt = (now: number, ...events: ReadonlyArray<Event<number>>) =>
      dispatcher.step(events, now).flatMap((action) => (action._tag === "Run" ? action.tasks.map(({ id }) => id) : []))
    const stopped = (id: number) => ({ _tag: "Stopped" as const, worker: 0, id })
    assert.deepStrictEqual(sentAt(0), [0, 1])
    assert.deepStrictEqual(sentAt(1_000, { _tag: "Tick" }), [])
    assert.deepStrictEqual(sentAt(1_100, stopped(0), stopped(1)), [0, 1])
    const threw = { _tag: "Failed" as const, worker: 0, kind: "Threw" as const, message: "it threw" }
    assert.deepStrictEqual(sentAt(1_200, { ...threw, id: 1 }), [1])
    const [poison] = dispatcher.step([{ ...threw, id: 0 }], 1_300).filter(({ _tag }) => _tag === "Poison")
    assert.deepStrictEqual(poison, {
      _tag: "Poison",
      id: 0,
      packet: 0,
      attempts: [
        { worker: "one", kind: "Expired", message: "no result within 1 s" },
        { worker: "one", kind: "Threw", message: "it threw" }
      ]
    })
  })

  it("keeps no trace of the packets that are done", () => {
    let cut = 0
    const options = {
      lease: 1_000,
      attempts: 3,
      ordered: false,
      hold: false,
      buffer: 10,
      target: 50,
      first: 1,
      size: 1
    }
    const dispatcher = Dispatcher.make<number, number>({
      ...{ ...options, total: undefined, workers: [{ name: "one", capacity: 4, latency: 5 }] },
      cut: () => ({ packet: cut++, units: 1 })
    })
    let now = 0
    let actions = dispatcher.step([], now)
    for (let round = 0; round < 50_000; round++) {
      now += 1
      const done = actions.flatMap((action) =>
        action._tag === "Run"
          ? action.tasks.map(({ id }) => ({ _tag: "Done" as const, worker: 0, id, result: id, millis: 0.5 }))
          : []
      )
      actions = dispatcher.step(done, now)
      assert.isAtMost(dispatcher.unmerged().length, 4)
    }
    assert.isAbove(cut, 50_000)
    assert.isFalse(dispatcher.wants(0))
  })
})
