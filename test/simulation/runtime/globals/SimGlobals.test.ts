import { randomBytes, randomInt, randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import { hrtime } from "node:process"
import * as Timers from "node:timers"
import * as TimerPromises from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Tracer from "effect/Tracer"
import * as Simulation from "../../../../src/simulation/Simulation.ts"
import { run } from "../../../support/Simulated.ts"

const seeds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e6 }))

/** All times and random numbers that a program gets without effect. */
const observe = () => ({
  date: Date.now(),
  made: new Date().toISOString(),
  text: Date(),
  performance: performance.now(),
  hrtime: hrtime.bigint(),
  pair: hrtime(),
  uptime: process.uptime(),
  random: Math.random(),
  uuid: crypto.randomUUID(),
  values: [...crypto.getRandomValues(new Uint16Array(4))],
  nodeBytes: randomBytes(8).toString("hex"),
  nodeUuid: randomUUID(),
  nodeInt: randomInt(1_000_000)
})

/** The values of the globals that runs replace. */
const globalValues = () => [
  Date,
  Date.now,
  Date.prototype.constructor,
  Math.random,
  Reflect.get(globalThis, "Performance").prototype.now,
  Crypto.prototype.getRandomValues,
  Crypto.prototype.randomUUID,
  SubtleCrypto.prototype.digest,
  setTimeout,
  clearTimeout,
  setInterval,
  setImmediate,
  queueMicrotask,
  fetch,
  Promise.prototype.then,
  AbortSignal.timeout,
  process.hrtime.bigint,
  process.nextTick
]

/** The values before the first run of this file. */
const originals = globalValues()

const twice = (scenario: Parameters<typeof Simulation.run<unknown, unknown, never>>[0], options?: Simulation.Options) =>
  Effect.all([Simulation.run(scenario, options), Simulation.run(scenario, options)])

describe("globals of a run", () => {
  it.effect.prop("are virtual, and the same for the same seed", { seed: seeds }, ({ seed }) =>
    Effect.gen(function* () {
      const program = Effect.andThen(Effect.sleep("1500 millis"), Effect.sync(observe))
      const scenario = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
        return yield* (yield* host("a")).run(program)
      })
      const [one, other] = [yield* run(scenario, "", { seed }), yield* run(scenario, "", { seed })]
      assert.deepStrictEqual(one, other)
      assert.strictEqual(one.date, 1_500)
      assert.strictEqual(one.made, "1970-01-01T00:00:01.500Z")
      assert.strictEqual(one.performance, 1_500)
      assert.strictEqual(one.hrtime, 1_500_000_000n)
      assert.deepStrictEqual(one.pair, [1, 500_000_000])
      assert.strictEqual(one.uptime, 1.5)
      const another = yield* run(scenario, "", { seed: seed + 1 })
      const different = ["random", "uuid", "values", "nodeBytes", "nodeUuid"] as const
      for (const name of different) assert.notDeepEqual(another[name], one[name])
    })
  )

  it.effect("are real if the options say so", () =>
    Effect.gen(function* () {
      const scenario = () => Effect.sync(() => [Date.now(), Math.random()])
      const [one, other] = yield* twice(scenario, { globals: "real" })
      assert.notDeepEqual(one.exit, other.exit)
    })
  )

  it.effect("give ids of spans from the seed, real or not", () =>
    Effect.gen(function* () {
      const scenario = () =>
        Effect.withSpan(
          Effect.map(Effect.currentSpan, ({ spanId, traceId }: Tracer.Span) => [traceId, spanId]),
          "span"
        )
      for (const globals of ["virtual", "real"] as const) {
        const [one, other] = yield* twice(scenario, { globals })
        assert.deepStrictEqual(one.exit, other.exit)
        const [three] = yield* twice(scenario, { globals, seed: 3 })
        assert.notDeepEqual(three.exit, one.exit)
      }
    })
  )

  it.effect("are restored after success, failure, a defect, a deadlock, an endless run and a promise", () =>
    Effect.gen(function* () {
      const scenarios: ReadonlyArray<() => Effect.Effect<unknown, string>> = [
        () => Effect.sync(() => assert.notDeepEqual(globalValues(), originals)),
        () => Effect.fail("no"),
        () => Effect.die(new Error("no")),
        () => Effect.never,
        () => Effect.forever(Effect.sleep("1 minute")),
        () => Effect.promise(async () => await 1),
        () => Effect.promise(() => new Promise(() => {})),
        () => {
          throw new Error("no")
        },
        () => Effect.sync(() => void setTimeout(() => assert.fail("thrown by a timer"), 10)),
        // A run within a run.
        () => Effect.sync(() => Effect.runSync(Simulation.run(() => Effect.sleep("1 second"))))
      ]
      for (const scenario of scenarios) {
        const { outcome } = yield* Simulation.run(scenario)
        assert.include(["done", "deadlock", "deadline"], outcome)
        for (const [index, value] of globalValues().entries()) assert.strictEqual(value, originals[index], `${index}`)
        for (const native of [Date, Date.now, Math.random, Promise.prototype.then])
          assert.include(Function.prototype.toString.call(native), "[native code]")
        assert.isAbove(Date.now(), 1e12)
        assert.strictEqual(randomBytes(4).length, 4)
      }
    })
  )

  it.effect("keep dates what they are", () =>
    Effect.gen(function* () {
      const inside = yield* run(() =>
        Effect.sync(() => [new Date(), new Date(2020, 1, 1), class extends Date {}] as const)
      )
      const [now, given, Extended] = inside
      assert.instanceOf(now, Date)
      assert.deepStrictEqual(given, new Date(2020, 1, 1))
      assert.strictEqual(new Extended(5).getTime(), 5)
      assert.instanceOf(new Extended(5), Date)
    })
  )
})

describe("timers of JavaScript in a run", () => {
  it.effect("fire in virtual time, as Node's do", () =>
    Effect.gen(function* () {
      const log = yield* run(() =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const at = (name: string) => () => log.push(`${name} ${Date.now()}`)
          setTimeout(at("late"), 20)
          setTimeout(at("early"), 10.9)
          setTimeout(at("least"), 0)
          setImmediate(at("immediate"))
          clearTimeout(setTimeout(at("cleared"), 5))
          clearTimeout(`${Number(setTimeout(at("cleared by number"), 5))}`)
          clearImmediate(setImmediate(at("cleared immediate")))
          const interval = Timers.setInterval(() => {
            at("interval")()
            if (log.length > 6) clearInterval(interval)
          }, 100)
          const refreshed = Timers.setTimeout(at("refreshed"), 50)
          setTimeout(() => refreshed.refresh(), 30)
          setTimeout((...args: ReadonlyArray<number>) => log.push(args.join()), 60, 1, 2)
          yield* Effect.sleep("1 second")
          return log
        })
      )
      assert.deepStrictEqual(log, [
        "immediate 0",
        "least 1",
        "early 10",
        "late 20",
        "1,2",
        "refreshed 80",
        "interval 100"
      ])
    })
  )

  it.effect("have numbers that are the same in each run", () =>
    Effect.gen(function* () {
      const numbers = () => Effect.sync(() => [1, 2].map((delay) => Number(setTimeout(() => {}, delay))))
      const [one, other] = yield* twice(numbers)
      assert.deepStrictEqual(one.exit, other.exit)
    })
  )

  it.effect("count as leaked while they keep the program alive", () =>
    Effect.gen(function* () {
      const leakedBy = (scenario: () => void) =>
        Effect.map(
          Simulation.run(() => Effect.sync(scenario)),
          ({ leaked }) => leaked.timers
        )
      assert.strictEqual(yield* leakedBy(() => void setInterval(() => {}, 1e6)), 1)
      assert.strictEqual(yield* leakedBy(() => void setInterval(() => {}, 1e6).unref()), 0)
      assert.strictEqual(yield* leakedBy(() => clearInterval(setInterval(() => {}, 1e6))), 0)
    })
  )

  it.effect("fail the run by what they throw", () =>
    Effect.gen(function* () {
      const { exit } = yield* Simulation.run(() =>
        Effect.andThen(
          Effect.sync(() => void setTimeout(() => assert.fail("thrown"), 10)),
          Effect.never
        )
      )
      assert.isTrue(Exit.isFailure(exit) && `${exit.cause}`.includes("thrown"))
    })
  )

  it.effect("are those of programs that effect runs with its own clock and scheduler", () =>
    Effect.gen(function* () {
      const log = yield* run(() =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const fiber = Effect.runFork(
            Effect.gen(function* () {
              for (let n = 0; n < 3; n++) {
                yield* Effect.sleep("1 minute")
                yield* Effect.yieldNow
                log.push(`${yield* Clock.currentTimeMillis} ${yield* Clock.monotonicTimeNanos}`)
              }
            })
          )
          yield* Fiber.join(fiber)
          return log
        })
      )
      assert.deepStrictEqual(log, ["60000 60000000000", "120000 120000000000", "180000 180000000000"])
    })
  )
})

describe("promises in a run", () => {
  const sleep = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))
  const chain = async (log: Array<string>, name: string, hops: number) => {
    for (let n = 0; n < hops; n++) await null
    log.push(`${name} after ${hops} at ${Date.now()}`)
    await sleep(1_000 * hops)
    log.push(`${name} slept at ${Date.now()}`)
  }

  it.effect("are settled before time advances", () =>
    Effect.gen(function* () {
      const scenario = () =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const one = Effect.promise(() => chain(log, "one", 3))
          const other = Effect.promise(() => chain(log, "other", 2))
          const tick = Effect.andThen(
            Effect.sleep(1),
            Effect.sync(() => log.push(`tick at ${Date.now()}`))
          )
          yield* Effect.all([one, other, tick], { concurrency: "unbounded" })
          yield* Effect.promise(() => TimerPromises.setTimeout(500, "value"))
          return log
        })
      const expected = [
        "other after 2 at 0",
        "one after 3 at 0",
        "tick at 1",
        "other slept at 2000",
        "one slept at 3000"
      ]
      for (const promises of [undefined, true]) {
        assert.deepStrictEqual(yield* run(scenario, "", { promises }), expected)
      }
    })
  )

  it.effect("wait for WebCrypto, whose results come in the order of the calls", () =>
    Effect.gen(function* () {
      const scenario = () =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const digest = (size: number) =>
            Effect.promise(async () => {
              const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(size))
              log.push(`${size} ${new Uint8Array(hash)[0]} at ${Date.now()}`)
            })
          yield* Effect.all([digest(5_000_000), digest(0), Effect.sleep("1 second"), digest(1)], {
            concurrency: "unbounded"
          })
          yield* digest(2)
          return log
        })
      const log = yield* run(scenario)
      assert.deepStrictEqual(
        log.map((line) => line.replace(/ \d+ /, " ")),
        ["5000000 at 0", "0 at 0", "1 at 0", "2 at 1000"]
      )
      assert.deepStrictEqual(yield* run(scenario), log)
    })
  )

  it.effect("that are never settled are named with their place, if the run waits for them", () =>
    Effect.gen(function* () {
      const { calls, outcome } = yield* Simulation.run(
        Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
          const forever = async () => {
            await new Promise<void>((resolve) => setTimeout(resolve, 1_000))
            return new Promise(() => {}).then(() => {})
          }
          yield* (yield* host("a")).run(Effect.withSpan(Effect.promise(forever), "the question"))
        })
      )
      assert.strictEqual(outcome, "deadlock")
      assert.deepStrictEqual(
        calls.map(({ host, name, step }) => [name, host, step]),
        [
          ["promise", "a", "the question"],
          ["promise", undefined, undefined]
        ]
      )
      assert.match(calls[1]!.stack[0]!, /^forever .*SimGlobals\.test\.ts/)
    })
  )

  it.effect("are not settled if the options say so, and the run is synchronous", () =>
    Effect.gen(function* () {
      const report = Effect.runSync(Simulation.run(() => Effect.promise(() => Promise.resolve(1)), { promises: false }))
      assert.strictEqual(report.outcome, "deadlock")
      assert.deepStrictEqual(
        report.calls.map(({ name }) => name),
        ["promise"]
      )
      yield* Effect.void
    })
  )
})

describe("functions of the host in a run", () => {
  it.live("are reported with the place of their call", () =>
    Effect.gen(function* () {
      const readSelf = () =>
        Effect.callback<void>((resume) => Fs.readFile(import.meta.filename, () => resume(Effect.void)))
      const { calls, outcome } = yield* Simulation.run(readSelf)
      assert.strictEqual(outcome, "deadlock")
      assert.deepStrictEqual(
        calls.map(({ name }) => name),
        ["fs.readFile"]
      )
      assert.match(calls[0]!.stack[0]!, /SimGlobals\.test\.ts/)
      // Outside of a run they are what they were.
      assert.isAbove((yield* Effect.promise(() => Fs.promises.readFile(import.meta.filename))).length, 0)
    })
  )

  it.effect("of the synchronous kind run as ever", () =>
    Effect.gen(function* () {
      const { calls, exit } = yield* Simulation.run(() =>
        Effect.sync(() => Fs.readFileSync(import.meta.filename).length)
      )
      assert.isTrue(Exit.isSuccess(exit) && exit.value > 0)
      assert.deepStrictEqual(calls, [])
    })
  )
})
