/** Runs with promises, as part of a process: rejections that nobody handles, and other work meanwhile. */
import * as Crypto from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as SimCheck from "../../../../src/simulation/SimCheck.ts"
import * as Simulation from "../../../../src/simulation/Simulation.ts"

const environment = Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: {} }))

/** Waits by promises. */
const ticks = (count: number) =>
  Effect.promise(async () => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 1))
  })

const messageOf = (act: () => void) =>
  Effect.gen(function* () {
    const scenario = () => Effect.andThen(Effect.sync(act), ticks(5))
    const { failure, message, reason } = yield* Effect.flip(environment(SimCheck.check(scenario, { runs: 1 })))
    assert.strictEqual(reason._tag, "Failed")
    assert.include(failure!.command, "SIM_SEED=1")
    return message.split("\n")[0]!.replace(/ \(.*/, "")
  })

describe("runs with promises", () => {
  it.effect("fail by a rejection that nobody handles", () =>
    Effect.gen(function* () {
      const listeners = process.listeners("unhandledRejection")
      assert.strictEqual(yield* messageOf(() => void Promise.reject(new RangeError("lost"))), "RangeError: lost")
      const rejecting = async () => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        throw new Error("late")
      }
      assert.strictEqual(yield* messageOf(() => void rejecting()), "late")
      const waiting = () =>
        Effect.andThen(
          Effect.sync(() => void rejecting()),
          Effect.andThen(ticks(1), Effect.never)
        )
      const { exit, outcome } = yield* Simulation.run(waiting)
      assert.strictEqual(outcome, "done")
      if (Exit.isFailure(exit)) assert.include(Cause.pretty(exit.cause), "Error: late")
      assert.deepStrictEqual(process.listeners("unhandledRejection"), listeners)
    })
  )

  it.effect("fail by a rejection also if nothing waits for a promise", () =>
    Effect.gen(function* () {
      let runs = 0
      const scenario = () =>
        Effect.sync(() => {
          if (runs++ >= 2) void Promise.reject(new RangeError("unseen"))
        })
      const { failure, message } = yield* Effect.flip(environment(SimCheck.check(scenario, { runs: 5 })))
      assert.match(message, /^RangeError: unseen/)
      assert.include(failure!.command, "SIM_SEED=2")
    })
  )

  it.effect("do not fail by a rejection that is handled", () =>
    Effect.gen(function* () {
      const scenario = () =>
        Effect.promise(async () => {
          const rejected = Promise.reject(new Error("handled later"))
          for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1))
          return rejected.catch(() => "handled")
        })
      const { exit } = yield* Simulation.run(scenario)
      assert.deepStrictEqual(exit, Exit.succeed("handled"))
    })
  )

  it.effect("fail by an error in a microtask or a tick", () =>
    Effect.gen(function* () {
      const fail = () => {
        throw new RangeError("thrown")
      }
      assert.strictEqual(yield* messageOf(() => queueMicrotask(fail)), "RangeError: thrown")
      assert.strictEqual(yield* messageOf(() => process.nextTick(fail)), "RangeError: thrown")
    })
  )

  it.live("let the process do other work, and can be interrupted", () =>
    Effect.gen(function* () {
      const endless = () => Effect.forever(ticks(1))
      const exit = yield* Effect.exit(Effect.timeout(Simulation.run(endless, { deadline: "10000 days" }), "20 millis"))
      assert.isTrue(Exit.isFailure(exit))
      assert.isTrue(Math.random() < 1 && Date.now() > 1e12)
    })
  )

  it.effect("are named in the deadlock of a run around them", () =>
    Effect.gen(function* () {
      const scenario = () => Simulation.run(() => ticks(2))
      const { message } = yield* Effect.flip(environment(SimCheck.check(scenario, { runs: 1 })))
      assert.match(message, /^deadlock: /)
      assert.include(message, "not simulated: Simulation.run with promises, within a run")
    })
  )
})

describe("runs that never wait", () => {
  it.effect(
    "fail with a line that repeats them",
    () =>
      Effect.gen(function* () {
        const scenario = () => Effect.forever(Effect.yieldNow)
        const { failure, reason } = yield* Effect.flip(environment(SimCheck.check(scenario, { runs: 1 })))
        assert.strictEqual(reason._tag, "Failed")
        assert.match(reason.message, /^virtual time stopped at 0 s: a fiber runs without ever waiting$/)
        assert.include(failure!.command, "SIM_SEED=1")
      }),
    120_000
  )
})

describe("calls of the host", () => {
  it.effect("are named if they make random keys, or measure the process", () =>
    Effect.gen(function* () {
      const acts: ReadonlyArray<() => unknown> = [
        () => Crypto.generateKeyPairSync("ed25519"),
        () => Crypto.generateKeySync("hmac", { length: 64 }),
        () => process.memoryUsage(),
        () => process.cpuUsage()
      ]
      for (const act of acts) yield* Simulation.run(() => Effect.sync(act))
      const { calls } = yield* Simulation.run(() => Effect.forEach(acts, (act) => Effect.sync(act)))
      assert.deepStrictEqual(
        calls.map(({ name }) => name),
        ["crypto.generateKeyPairSync", "crypto.generateKeySync", "process.memoryUsage", "process.cpuUsage"]
      )
    })
  )
})
