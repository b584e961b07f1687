import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Network from "../../src/network/Network.ts"
import * as FaultPlan from "../../src/simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import * as SimCheck from "../../src/simulation/SimCheck.ts"
import * as SimCheckError from "../../src/simulation/SimCheckError.ts"
import type * as Simulation from "../../src/simulation/Simulation.ts"

const environment = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** Sends numbers from one host to another; returns what arrived within a second. */
const numbers = (count: number, text: (n: number) => string = (n) => `${n}`) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    const a = yield* simulation.host("a")
    const b = yield* simulation.host("b")
    const received: Array<string> = []
    yield* b.start(
      Effect.flatMap(Network.Network, (network) =>
        network.udp({ host: b.address, port: 9 }, (bytes) => received.push(new TextDecoder().decode(bytes)))
      )
    )
    yield* a.run(
      Effect.gen(function* () {
        const socket = yield* (yield* Network.Network).udp({ host: a.address }, () => {})
        for (let n = 1; n <= count; n++) {
          yield* socket.send(new TextEncoder().encode(text(n)), { address: b.address, port: 9 })
          yield* Effect.sleep("10 millis")
        }
      })
    )
    yield* Effect.sleep("1 second")
    return received
  })

class Twice extends Error {
  override readonly name = "Twice"
}

/** Fails if a number arrives twice. */
const once = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const received = yield* numbers(20)(simulation)
  if (new Set(received).size < received.length) yield* Effect.fail(new Twice(`${received.length} arrived`))
})

const failureOf = <A>(
  check: Effect.Effect<A, SimCheckError.SimCheckError>,
  env: Record<string, string> = {}
): Effect.Effect<SimCheckError.SimCheckError> => Effect.orDie(Effect.flip(environment(env)(check)))

const reasonOf = (
  scenario: (simulation: Simulation.Simulation) => Effect.Effect<unknown, unknown>,
  options: SimCheck.Options = { runs: 3 }
) => Effect.map(failureOf(SimCheck.check(scenario, options)), ({ reason }) => reason)

describe("SimCheck", () => {
  it.effect("returns statistics of its runs", () =>
    Effect.gen(function* () {
      const summary = yield* environment({})(SimCheck.check(numbers(20), { runs: 10, plan: "drop=#3..4" }))
      assert.deepInclude(summary, { runs: 10, packets: 200, faults: 20, unused: 0, time: 10 * 1.2e9 })
    })
  )

  it.effect("shrinks a failure to the one packet it needs", () =>
    Effect.gen(function* () {
      const plan = "drop=20%, dup=5% a>b, delay=50% 1ms..9ms, corrupt=#19"
      const error = yield* failureOf(SimCheck.check(once, { plan }))
      assert.strictEqual(FaultPlanSyntax.format(error.failure!.plan), "dup=#1 a>b")
      assert.strictEqual(error.failure!.faults, 1)
      assert.instanceOf(error.cause, Twice)
      const [summary, ...diagram] = error.message.split("\n")
      const replay = diagram.pop()!
      assert.strictEqual(summary, "Twice: 21 arrived (at 1.2s, after 1 fault)")
      const test =
        "npx vitest run test/simulation/SimCheck.test.ts -t 'SimCheck > shrinks a failure to the one packet it needs'"
      assert.strictEqual(replay, `  SIM_SEED=${error.failure!.seed} SIM_PLAN='dup=#1 a>b' ${test}`)
      assert.deepStrictEqual(
        diagram.filter((line) => line.includes("!")),
        // The datagram and its copy.
        Array.from(
          { length: 2 },
          () => `    0.000000 !            |------------------->|            [dup, arrives 0.000500] "1"`
        )
      )
    })
  )

  it.effect("repeats the failure in one run from the printed line", () =>
    Effect.gen(function* () {
      const generate = { hosts: ["a", "b"], transport: "udp" } as const
      const found = yield* failureOf(SimCheck.check(once, { generate }))
      const { plan, seed } = found.failure!
      assert.lengthOf(plan, 1)
      let runs = 0
      const counting = (simulation: Simulation.Simulation) =>
        Effect.andThen(
          Effect.sync(() => runs++),
          once(simulation)
        )
      const env = { SIM_SEED: `${seed}`, SIM_PLAN: FaultPlanSyntax.format(plan) }
      const again = yield* failureOf(SimCheck.check(counting, { generate }), env)
      assert.strictEqual(again.message, found.message)
      const none = yield* environment({ ...env, SIM_PLAN: "none" })(
        SimCheck.check(once, { generate, sometimes: ["x"] })
      )
      assert.deepInclude(none, { runs: 1, faults: 0 })
    })
  )

  it.effect("keeps the kind of failure while shrinking", () =>
    Effect.gen(function* () {
      const both = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
        const received = yield* numbers(20)(simulation)
        if (new Set(received).size < received.length) yield* Effect.fail(new Twice())
        if (received.length < 20) yield* Effect.fail(new Error("lost"))
      })
      const { failure } = yield* failureOf(SimCheck.check(both, { plan: "dup=#9..10, drop=#5, drop=#7" }))
      assert.strictEqual(FaultPlanSyntax.format(failure!.plan), "dup=#1")
    })
  )

  it.effect("names a randomly selected packet by its number", () =>
    Effect.gen(function* () {
      const fifteenth = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
        const received = yield* numbers(20)(simulation)
        if (received.filter((n) => n === "15").length > 1) yield* Effect.fail(new Twice())
      })
      const { failure } = yield* failureOf(SimCheck.check(fifteenth, { plan: "dup=10%" }))
      assert.strictEqual(FaultPlanSyntax.format(failure!.plan), "dup=#15 a>b")
    })
  )

  it.effect("takes its seeds from SIM_RUNS and SIM_SEED", () =>
    Effect.gen(function* () {
      const env = { SIM_SEED: "5", SIM_RUNS: "3" }
      assert.strictEqual((yield* environment(env)(SimCheck.check(once, { runs: 50 }))).runs, 3)
      assert.strictEqual((yield* environment({ SIM_RUNS: "4" })(SimCheck.check(once, { runs: 50 }))).runs, 4)
      assert.strictEqual((yield* environment({})(SimCheck.check(once, { runs: 5 }))).runs, 5)
    })
  )

  it.effect.each([
    [{ SIM_PLAN: "drop=" }, "column 6"],
    [{ SIM_SEED: "x" }, "SIM_SEED"],
    [{ SIM_RUNS: "0" }, "at least 1"],
    [{ SIM_PLAN: "crash=c@1s" }, "unknown host c: the hosts are a and b"]
  ] as const)("rejects %o", ([env, expected]) =>
    Effect.gen(function* () {
      const error = yield* failureOf(SimCheck.check(once), env as Record<string, string>)
      assert.strictEqual(error.reason._tag, "Misconfigured")
      assert.include(error.message, expected)
    })
  )

  it.effect("fails for randomness or time from outside the simulation", () =>
    Effect.gen(function* () {
      let outside = 0
      const reason = yield* reasonOf(numbers(3, (n) => (n === 2 ? `${outside++}` : "")))
      assert.strictEqual(reason._tag, "Nondeterministic")
      assert.match(
        reason.message,
        /\n {2}packet 2, datagram 10\.0\.0\.1:32768 to 10\.0\.0\.2:9 at 10ms, differs from byte 0 \(of 1\)\n {2}first run {3}3\d {45} {2}"\d"\n {2}second run {2}3\d/
      )
      const slower = Effect.fnUntraced(function* () {
        yield* Effect.sleep(outside++)
      })
      assert.strictEqual((yield* reasonOf(slower))._tag, "Nondeterministic")
      const random = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
        const chance = yield* Random.nextInt
        return yield* numbers(3, (n) => `${n}${chance}`)(simulation)
      })
      yield* environment({})(SimCheck.check(random, { runs: 3 }))
    })
  )

  it.effect("fails for values, errors, log lines and digests that differ between two runs", () =>
    Effect.gen(function* () {
      let outside = 0
      const differs = (scenario: (simulation: Simulation.Simulation, n: number) => Effect.Effect<unknown, unknown>) =>
        Effect.map(
          reasonOf((simulation) => Effect.suspend(() => scenario(simulation, outside++))),
          ({ message }) => message.split("\n").slice(1, 2).join().trim()
        )
      assert.strictEqual(yield* differs((_, n) => Effect.succeed({ n })), "the values of the scenario differ")
      assert.strictEqual(yield* differs((_, n) => Effect.fail({ n })), "the results of the scenario differ")
      assert.strictEqual(yield* differs((_, n) => Effect.log(`line ${n}`)), "log line 1 differs")
      const digest = yield* differs((simulation, n) => simulation.digest("state", { n: n % 2 }))
      assert.strictEqual(digest, 'digest "state" of the scenario at 0s differs from byte 5 (of 7)')
      const logs = (n: number) => Effect.forEach(n % 2 === 0 ? ["a", "b"] : ["b", "a"], (line) => Effect.log(line))
      assert.strictEqual(yield* differs((_, n) => logs(n)), "log line 1 differs")
    })
  )

  it.effect("names calls that are not simulated, after a deadlock and if two runs differ", () =>
    Effect.gen(function* () {
      let outside = 0
      const reading = Effect.sync(() => {
        Fs.promises.readFile("/dev/null").catch(() => {})
        return outside++
      })
      assert.match((yield* reasonOf(() => reading)).message, /\n {2}not simulated: fs\/promises\.readFile\n/)
      const { message } = yield* reasonOf(() => Effect.promise(() => Fs.promises.readFile("/dev/null")))
      assert.match(message, /^deadlock: .*\n {2}not simulated: fs\/promises\.readFile\n {4}.*SimCheck\.test\.ts:\d+/)
    })
  )

  it.effect("fails for scenarios that never end, leak, or fail in the background", () =>
    Effect.gen(function* () {
      const deadlocked = () => Effect.flatMap(Queue.unbounded<number>(), Queue.take)
      assert.strictEqual((yield* reasonOf(deadlocked))._tag, "Deadlock")
      assert.strictEqual((yield* reasonOf(() => Effect.forever(Effect.sleep("1 second"))))._tag, "DeadlineExceeded")
      const timer = () => Effect.forkDetach(Effect.sleep("2 days"), { startImmediately: true })
      assert.deepStrictEqual(yield* reasonOf(timer), new SimCheckError.Leaked({ sockets: 0, timers: 1 }))
      const background = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
        yield* (yield* host("a")).start(Effect.andThen(Effect.sleep("1 second"), Effect.fail(new Twice("behind"))))
        yield* Effect.sleep("1 minute")
      })
      const error = yield* failureOf(SimCheck.check(background))
      assert.include(error.message, "Twice: behind (at 1s, after no fault)\n\n")
      assert.include(error.message, "\n\n  SIM_SEED=1 SIM_PLAN=none npx vitest run ")
    })
  )

  it.effect("prints the failure also for errors that JSON cannot hold", () =>
    Effect.gen(function* () {
      const { message } = yield* failureOf(SimCheck.check(() => Effect.fail({ a: 1n })))
      assert.match(message, /^the scenario failed with \{"a":1n\} \(at 0s, after no fault\)\n/)
      assert.include(message, "\n  SIM_SEED=1 SIM_PLAN=none npx vitest run ")
    })
  )

  it.effect("fails for rules that never apply, and for states never reached", () =>
    Effect.gen(function* () {
      const plan = FaultPlanSyntax.parseUnsafe("drop=#2, dup=#30, drop=10%")
      assert.deepStrictEqual(
        yield* reasonOf(numbers(20), { plan, runs: 20 }),
        new SimCheckError.UnusedRules({ rules: FaultPlanSyntax.parseUnsafe("dup=#30") })
      )
      const generated = yield* environment({})(SimCheck.check(numbers(2), { generate: {}, runs: 50 }))
      assert.isAbove(generated.unused, 0)
      const asks = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
        const received = yield* numbers(5)(simulation)
        yield* simulation.sometimes("all", received.length === 5)
        yield* simulation.sometimes("some", received.length < 5)
      })
      const dropping = { plan: "drop=#1", runs: 5 }
      assert.deepInclude(yield* reasonOf(asks, dropping), { _tag: "NeverReached", labels: ["all"] })
      const rarely = { plan: "drop=10%", runs: 20 }
      const { reached } = yield* environment({})(SimCheck.check(asks, rarely))
      assert.strictEqual(reached.get("all")! + reached.get("some")!, 20)
      const missing = yield* reasonOf(asks, { ...rarely, sometimes: ["never"] })
      assert.match(missing.message, /^no run reached "never"\n\nstate +of 20 runs +first seed\nnever +0 +-\n/)
    })
  )

  it.effect("delivers everything after heal", () =>
    Effect.gen(function* () {
      const scenario = (isHealed: boolean) =>
        Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
          yield* Effect.sleep("1 second")
          if (isHealed) yield* simulation.heal
          const received = yield* numbers(20)(simulation)
          if (received.length < 20) yield* Effect.fail("lost")
        })
      const drops = FaultPlan.FaultPlan.make(FaultPlanSyntax.parseUnsafe("drop=30%"))
      assert.strictEqual((yield* reasonOf(scenario(false), { plan: drops }))._tag, "Failed")
      assert.strictEqual((yield* reasonOf(scenario(true), { plan: drops }))._tag, "UnusedRules")
    })
  )
})
