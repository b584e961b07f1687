import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Semaphore from "effect/Semaphore"
import * as TxRef from "effect/TxRef"
import * as SimScheduler from "../../../src/simulation/runtime/SimScheduler.ts"
import type * as SimSchedulerError from "../../../src/simulation/runtime/SimSchedulerError.ts"

const environment = (env: Record<string, string> = {}) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** Explores with the given environment, independent of that of the tests. */
const explore = <A, E>(program: Effect.Effect<A, E>, options: SimScheduler.Options<A>, env?: Record<string, string>) =>
  environment(env)(SimScheduler.explore(program, options))

const failureOf = <A, E>(
  program: Effect.Effect<A, E>,
  options: SimScheduler.Options<A> = {},
  env?: Record<string, string>
): Effect.Effect<SimSchedulerError.SimSchedulerError> => Effect.orDie(Effect.flip(explore(program, options, env)))

const names = ["alice", "bob", "carol"]

/** Three clients that each increment a counter. */
const threeTimes = <A>(increment: Effect.Effect<unknown>, count: Effect.Effect<A>) =>
  Effect.all(
    names.map((name) => increment.pipe(SimScheduler.label(name))),
    { concurrency: "unbounded" }
  ).pipe(Effect.andThen(count))

const readThenWrite = (counter: Ref.Ref<number>) =>
  Effect.flatMap(Ref.get(counter).pipe(SimScheduler.step("read the counter")), (n) =>
    Ref.set(counter, n + 1).pipe(SimScheduler.step("write the counter"))
  )

const lost = Effect.flatMap(Ref.make(0), (counter) => threeTimes(readThenWrite(counter), Ref.get(counter)))

const synchronized: Readonly<Record<string, Effect.Effect<number>>> = {
  "Ref.update": Effect.flatMap(Ref.make(0), (counter) =>
    threeTimes(
      Ref.update(counter, (n) => n + 1),
      Ref.get(counter)
    )
  ),
  Semaphore: Effect.flatMap(Effect.all([Ref.make(0), Semaphore.make(1)]), ([counter, mutex]) =>
    threeTimes(mutex.withPermits(1)(readThenWrite(counter)), Ref.get(counter))
  ),
  "STM (TxRef)": Effect.flatMap(TxRef.make(0), (counter) =>
    threeTimes(Effect.tx(Effect.flatMap(TxRef.get(counter), (n) => TxRef.set(counter, n + 1))), TxRef.get(counter))
  )
}

const isThree = (n: number) => (n === 3 ? undefined : `${n} of 3 increments were counted`)

/** Two dining philosophers who take their forks in opposite order. */
const dinner = Effect.gen(function* () {
  const [left, right] = yield* Effect.all([Semaphore.make(1), Semaphore.make(1)])
  const eats = (one: Semaphore.Semaphore, other: Semaphore.Semaphore) =>
    one.withPermits(1)(other.withPermits(1)(Effect.void).pipe(SimScheduler.step("take the second fork")))
  yield* Effect.all(
    [eats(left, right).pipe(SimScheduler.label("a")), eats(right, left).pipe(SimScheduler.label("b"))],
    {
      concurrency: "unbounded"
    }
  )
})

describe("SimScheduler", () => {
  it.effect("misses a lost update with the default scheduler of Effect", () =>
    Effect.gen(function* () {
      for (let run = 0; run < 500; run++) {
        const n = yield* Effect.promise(() => Effect.runPromise(lost))
        assert.strictEqual(n, 3)
      }
    })
  )

  it.effect("finds a lost update, with the one preemption it needs", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 50; seed++) {
        const { failure, message, reason } = yield* failureOf(lost, { seed, check: isThree })
        assert.strictEqual(reason._tag, "Failed")
        assert.match(message, /^[12] of 3 increments were counted \(seed \d+, run \d+; .*\d switches/)
        assert.strictEqual(failure!.decisions.length, 1)
        const preempted = failure!.trace.filter(({ end }) => end === "preempted")
        assert.strictEqual(preempted.length, 1)
        assert.include(preempted[0]!.steps, "read the counter")
        assert.isAtMost(failure!.trace.length, 6)
      }
    })
  )

  it.effect("prints the interleaving and the line that repeats it", () =>
    Effect.gen(function* () {
      const two = Effect.flatMap(Ref.make(0), (counter) =>
        Effect.all(
          ["alice", "bob"].map((name) => readThenWrite(counter).pipe(SimScheduler.label(name))),
          { concurrency: "unbounded" }
        ).pipe(Effect.andThen(Ref.get(counter)))
      )
      for (let first = 1; first <= 20; first++) {
        const check = (n: number) => (n === 2 ? undefined : `${n} of 2 increments were counted`)
        const { failure, message } = yield* failureOf(two, { seed: first, check })
        const { found, run, seed } = failure!
        const size = found.switches > 4 ? `shrunk from ${found.switches} switches to 4` : "4 switches"
        assert.strictEqual(
          message,
          [
            `1 of 2 increments were counted (seed ${seed}, run ${run}; ${size})`,
            "1",
            "2 alice  read the counter; preempted at: write the counter",
            "3 bob    read the counter; write the counter; ends",
            "2 alice  write the counter; ends",
            "1        ends",
            `SIM_SEED=${seed} SIM_RUNS=1 npx vitest run`
          ].join("\n  ")
        )
      }
    })
  )

  for (const [name, program] of Object.entries(synchronized)) {
    it.effect(`finds no lost update with ${name}`, () =>
      Effect.gen(function* () {
        const summary = yield* explore(program, { runs: 300, check: isThree })
        assert.isAbove(summary.interleavings, 15)
      })
    )
  }

  it.effect("repeats a run from the environment", () =>
    Effect.gen(function* () {
      const first = yield* failureOf(lost, { check: isThree, preempt: 0.03 })
      const { run, seed } = first.failure!
      assert.strictEqual(run, seed)
      const again = yield* failureOf(lost, { check: isThree, preempt: 0.03 }, { SIM_SEED: `${seed}`, SIM_RUNS: "1" })
      assert.deepStrictEqual(again.failure, { ...first.failure!, run: 1 })
      const { reason } = yield* failureOf(lost, {}, { SIM_RUNS: "0" })
      assert.strictEqual(reason.message, "invalid number of runs 0: must be at least 1")
    })
  )

  it.effect("reports exceptions of check, and failures of the program", () =>
    Effect.gen(function* () {
      const asserted = yield* failureOf(lost, { check: (n) => assert.strictEqual(n, 3) as undefined })
      assert.strictEqual((asserted.cause as Error).name, "AssertionError")
      const inside = yield* failureOf(Effect.flatMap(lost, (n) => (n === 3 ? Effect.void : Effect.fail({ n }))))
      assert.match(inside.message, /^the program failed with {"n":[12]}/)
    })
  )

  it.effect("reports a deadlock with the waiting fibers", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Effect.promise(() => Effect.runPromise(Effect.as(dinner, "both ate"))), "both ate")
      const { failure, reason } = yield* failureOf(dinner)
      assert.strictEqual(
        reason.message,
        "deadlock: no fiber can run; waiting: 1, 2 a in take the second fork, 3 b in take the second fork"
      )
      assert.strictEqual(failure!.decisions.length, 1)
    })
  )

  it.effect("distinguishes an endless program from a deadlock", () =>
    Effect.gen(function* () {
      const spins = yield* failureOf(Effect.forever(Effect.void), { maxSteps: 1_000 })
      assert.strictEqual(spins.reason.message, "the program had not ended after 1000 operations")
      const sleeps = yield* failureOf(Effect.forever(Effect.sleep("1 minute")))
      assert.strictEqual(sleeps.reason.message, "the program had not ended after 1h")
      const waits = yield* failureOf(Effect.never)
      assert.strictEqual(waits.reason._tag, "Deadlock")
    })
  )

  it.effect("uses virtual time, and wakes sleepers of one instant in any order", () =>
    Effect.gen(function* () {
      const orders = new Set<string>()
      const program = Effect.gen(function* () {
        const order: Array<string> = []
        const sleeper = (name: string) =>
          Effect.andThen(
            Effect.sleep("1 minute"),
            Effect.sync(() => order.push(name))
          )
        yield* Effect.all(names.map(sleeper), { concurrency: "unbounded" })
        orders.add(order.join())
        return yield* Clock.currentTimeMillis
      })
      yield* explore(program, { preempt: 0, check: (at) => (at === 60_000 ? undefined : `it took ${at} ms`) })
      assert.strictEqual(orders.size, 6)
    })
  )

  it.effect("keeps two preemptions for a race that needs two", () =>
    Effect.gen(function* () {
      const program = Effect.suspend(() => {
        const order: Array<string> = []
        const does = (...names: ReadonlyArray<string>) =>
          Effect.forEach(names, (name) => Effect.sync(() => order.push(name)).pipe(SimScheduler.step(name)))
        return Effect.as(
          Effect.all([does("a1", "a2", "a3"), does("b1", "b2", "b3")], { concurrency: "unbounded" }),
          order
        )
      })
      const check = (order: ReadonlyArray<string>) => (/a1.*b1.*a2.*b2/.test(order.join()) ? order.join() : undefined)
      for (let seed = 1; seed <= 20; seed++) {
        const { failure } = yield* failureOf(program, { seed, check })
        assert.strictEqual(failure!.decisions.length, 2)
        assert.strictEqual(failure!.trace.length, 6)
      }
    })
  )

  it.effect("waits for settled promises", () =>
    explore(Effect.all([Effect.promise(() => Promise.resolve(1)), Effect.yieldNow], { concurrency: 2 }), { runs: 5 })
  )

  it.effect("reports a program whose state outlives a run as nondeterministic", () =>
    Effect.gen(function* () {
      let runs = 0
      const { reason } = yield* failureOf(Effect.suspend(() => (runs++ === 0 ? Effect.fail("first") : Effect.void)))
      assert.strictEqual(reason._tag, "Nondeterministic")
    })
  )

  it.effect("preempts fibers that another fiber resumes", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const order: Array<string> = []
        const signal = yield* Deferred.make<void>()
        const waiter = Effect.andThen(
          Deferred.await(signal),
          Effect.sync(() => order.push("resumed"))
        )
        const fiber = yield* Effect.forkChild(waiter, { startImmediately: true })
        yield* Deferred.succeed(signal, undefined)
        order.push("signalled")
        yield* Fiber.join(fiber)
        return order.join()
      })
      const seen = new Set<string>()
      yield* explore(program, { check: (order) => void seen.add(order) as undefined })
      assert.sameMembers([...seen], ["resumed,signalled", "signalled,resumed"])
    })
  )
})
