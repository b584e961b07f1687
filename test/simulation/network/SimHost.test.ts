import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as HostTime from "../../../src/simulation/runtime/HostTime.ts"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"
import { run, tick } from "../../support/Simulated.ts"

/** Times that the clocks of a program show, in milliseconds. */
const clocks = Effect.gen(function* () {
  const wall = yield* Clock.currentTimeMillis
  const monotonic = Number(yield* Clock.monotonicTimeNanos) / 1e6
  return { wall, monotonic, date: Date.now(), performance: performance.now() }
})

describe("clocks of a host", () => {
  it.effect("have an offset and a drift, which sleeps and globals follow", () =>
    Effect.gen(function* () {
      const [right, wrong, ahead] = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const right = yield* host("right")
          const wrong = yield* host("wrong", { clock: { offset: "1 hour", driftPpm: -100_000 } })
          const ahead = yield* host("ahead", { clock: { offset: Duration.millis(-5) } })
          yield* Effect.sleep("10 seconds")
          return [yield* right.run(clocks), yield* wrong.run(clocks), yield* ahead.run(clocks)] as const
        })
      )
      assert.deepStrictEqual(right, { wall: 10_000, monotonic: 10_000, date: 10_000, performance: 10_000 })
      const late = { wall: 3_609_000, monotonic: 9_000, date: 3_609_000, performance: 9_000 }
      assert.deepStrictEqual(wrong, late)
      assert.strictEqual(ahead.wall, 9_995)
    })
  )

  it.effect("jump for a wall clock only; sleeps last as long as before", () =>
    Effect.gen(function* () {
      const [before, after, slept] = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a")
          const times: Array<number> = []
          yield* a.start(Effect.andThen(Effect.sleep("10 seconds"), tick(times)))
          yield* Effect.sleep("4 seconds")
          const before = yield* a.run(clocks)
          yield* a.jumpClock("1 hour")
          const after = yield* a.run(clocks)
          yield* a.jumpClock(Duration.negate(Duration.hours(2)))
          yield* Effect.sleep("7 seconds")
          return [before, after, times] as const
        })
      )
      assert.strictEqual(before.wall, 4_000)
      assert.deepStrictEqual([after.wall, after.monotonic], [3_604_000, 4_000])
      assert.deepStrictEqual(slept, [10_000 - 3_600_000])
    })
  )

  it.effect("drift from a time on, also for fibers that sleep", () =>
    Effect.gen(function* () {
      const times = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a")
          const now = yield* Clock.Clock
          const times: Array<number> = []
          // Twice as fast from the second second to the third, then right.
          yield* a.start(
            Effect.andThen(
              Effect.sleep("10 seconds"),
              Effect.sync(() => times.push(now.currentTimeMillisUnsafe()))
            )
          )
          yield* Effect.sleep("2 seconds")
          yield* a.setDrift(1_000_000)
          yield* Effect.sleep("1 second")
          yield* a.setDrift(0)
          yield* Effect.sleep("1 minute")
          return times
        })
      )
      assert.deepStrictEqual(times, [9_000])
    })
  )

  it.effect("jump and drift by rules of the plan", () =>
    Effect.gen(function* () {
      const seen = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a")
          const seen: Array<number> = []
          for (let second = 0; second < 6; second++) {
            seen.push((yield* a.run(clocks)).wall)
            yield* Effect.sleep("1 second")
          }
          return seen
        }),
        "jump=a@1500ms +1h, drift=a@3500ms..4500ms 100000ppm"
      )
      assert.deepStrictEqual(seen, [0, 1_000, 3_602_000, 3_603_000, 3_604_050, 3_605_100])
    })
  )

  it.effect("begin at the epoch of the run", () =>
    Effect.gen(function* () {
      const epochMillis = Date.UTC(2026, 0, 1)
      const seen = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a", { clock: { offset: "1 second" } })
          return [yield* Clock.currentTimeMillis, yield* a.run(Clock.currentTimeNanos), Date.now()] as const
        }),
        "",
        { epochMillis }
      )
      assert.deepStrictEqual(seen, [epochMillis, BigInt(epochMillis + 1_000) * 1_000_000n, epochMillis])
    })
  )
})

const ppm = Schema.Int.check(Schema.isBetween({ minimum: -900_000, maximum: 900_000 }))
const nanos = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e12 }))

describe("HostTime", () => {
  it.prop(
    "wakes at the first nanosecond at which the time has passed",
    { ppm, now: nanos, length: nanos },
    ({ length, now, ppm }) => {
      const time = HostTime.make(0, ppm)
      const wake = HostTime.after(time, now, length)
      // A nanosecond of the host is not always one of the run.
      const passed = HostTime.monotonicAt(time, wake) - HostTime.monotonicAt(time, now)
      assert.isAtLeast(passed, length)
      assert.isAtMost(passed, length + 2)
    }
  )

  it.prop(
    "never runs backwards, and keeps the sum of sleeps over changes of the drift",
    { changes: Schema.Array(Schema.Struct({ at: nanos, ppm })), length: nanos },
    ({ changes, length }) => {
      const clock = SimClock.make()
      const time = HostTime.make()
      let woken: number | undefined
      clock
        .clockOf(() => 0, time)
        .after(length, () => {
          woken = HostTime.monotonicAt(time, clock.now())
        })
      for (const change of changes) clock.schedule(change.at, () => clock.setDrift(time, change.ppm))
      let last = 0
      for (const { at } of changes.toSorted((a, b) => a.at - b.at)) {
        clock.advance(at)
        const now = HostTime.monotonicAt(time, clock.now())
        assert.isAtLeast(now, last)
        last = now
      }
      clock.advance(Number.POSITIVE_INFINITY)
      assert.isDefined(woken)
      // Each change may lose a fraction of a nanosecond, at up to 20 times the speed.
      assert.approximately(woken!, length, 20 * (changes.length + 1))
    }
  )
})

describe("services of a host", () => {
  it.effect("are a disk that crashes keep, and paths", () =>
    Effect.gen(function* () {
      const result = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a", { disk: { files: { "/etc/name": "a" } } })
          const b = yield* host("b")
          const files = FileSystem.FileSystem
          const path = yield* a.run(Effect.map(Path.Path, (path) => path.resolve("x", "../y")))
          const name = yield* a.run(Effect.flatMap(files, ({ readFileString }) => readFileString("/etc/name")))
          const other = yield* b.run(Effect.flatMap(files, ({ exists }) => exists("/etc/name")))
          yield* a.crash
          yield* a.restart
          const again = yield* a.run(Effect.flatMap(files, ({ readFileString }) => readFileString("/etc/name")))
          return [path, name, other, again, [...a.disk.image().keys()]] as const
        })
      )
      assert.deepStrictEqual(result, ["/y", "a", false, "a", ["/etc/name"]])
    })
  )

  it.effect("are random numbers of its own, which other hosts do not change", () =>
    Effect.gen(function* () {
      const drawn = (others: ReadonlyArray<string>, seed = 1) =>
        run(
          Effect.fnUntraced(function* ({ host }) {
            for (const name of others) yield* (yield* host(name)).run(Random.next)
            const a = yield* host("a")
            return [yield* a.run(Random.next), yield* a.run(Random.nextInt), yield* a.run(Random.nextBoolean)]
          }),
          "",
          { seed }
        )
      const alone = yield* drawn([])
      assert.deepStrictEqual(yield* drawn(["b", "c"]), alone)
      assert.notDeepEqual(yield* drawn([], 2), alone)
    })
  )

  it.effect("are a file system that programs can copy with other functions", () =>
    Effect.gen(function* () {
      const names = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a", { disk: { files: { "/x": "1" } } })
          return yield* a.run(
            Effect.gen(function* () {
              const fs = yield* FileSystem.FileSystem
              const copy: FileSystem.FileSystem = { ...fs, exists: () => Effect.succeed(false) }
              return [
                yield* copy.readFileString("/x"),
                yield* copy.exists("/x"),
                "open" in copy,
                Object.keys(fs).length
              ]
            })
          )
        })
      )
      assert.deepStrictEqual(names.slice(0, 3), ["1", false, true])
      assert.isAbove(Number(names[3]), 20)
    })
  )
})

describe("a crash", () => {
  it.effect("does not interrupt the scenario when finalizers touch the disk", () =>
    Effect.gen(function* () {
      const ended = yield* run(
        Effect.fnUntraced(function* ({ host }) {
          const a = yield* host("a")
          const ended: Array<string> = []
          yield* a.start(
            Effect.gen(function* () {
              const fs = yield* FileSystem.FileSystem
              yield* Effect.addFinalizer(() => Effect.die("a program that has crashed says nothing"))
              yield* Effect.addFinalizer(() => Effect.ignore(fs.remove("/lock")))
              yield* Effect.addFinalizer(() => Effect.sync(() => ended.push("finalizer")))
              yield* fs.writeFileString("/lock", "")
              return yield* Effect.never
            })
          )
          yield* Effect.sleep("1 second")
          yield* a.crash
          ended.push("scenario")
          yield* a.restart
          return [...ended]
        })
      )
      assert.deepStrictEqual(ended, ["finalizer", "scenario"])
    })
  )
})
