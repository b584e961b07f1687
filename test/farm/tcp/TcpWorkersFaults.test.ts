import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Farm from "../../../src/farm/Farm.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import type * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as Sums from "../Sums.ts"
import * as HostEvents from "./HostEvents.ts"

const numbers = 200
const expectedSum = Sums.expectedSum(numbers)

/** Faults of the farm's links, and of the hosts that lend workers. */
const generate: FaultArbitrary.Options = {
  hosts: ["farm", "one", "two"],
  faultyHosts: ["one", "two"],
  transport: "tcp",
  faultPeriod: "10 seconds"
}

const faultSpan = Duration.seconds(60)

/** The virtual time in which every run must end: faults are over after a minute. */
const runTimeout = Duration.minutes(5)

const serve = (job: ReturnType<typeof Sums.make>["job"], speeds: ReadonlyArray<number>) =>
  TcpWorkerServer.make({
    host: "0.0.0.0",
    port: 1070,
    drain: 0,
    job,
    workers: SimWorkers.make(job, speeds, ({ from, to }) => 10 * (to - from)).workers
  })

const setUp = Effect.fnUntraced(function* (simulation: Simulation.Simulation, speeds: ReadonlyArray<number> = [1, 1]) {
  const { executions, job } = Sums.make()
  const one = yield* simulation.host("one")
  const two = yield* simulation.host("two")
  const farm = yield* simulation.host("farm")
  yield* one.start(serve(job, [speeds[0]!]))
  yield* two.start(serve(job, [speeds[1]!, speeds[1]!]))
  const { events, takeLines } = yield* HostEvents.make(({ _tag }) => _tag)
  const workers = Effect.provide(
    TcpWorkers.make({
      job,
      hosts: ["one", "two:primes"],
      lease: "2 seconds",
      events
    }),
    ServiceNames.layerBuiltIn
  )
  const run = Effect.fnUntraced(function* (size?: number) {
    const network = yield* Effect.context<never>()
    const pool = Effect.provideContext(workers, network as never)
    return yield* Farm.run(job, numbers, { workers: pool, packetSize: size, lease: "10 seconds", maxAttempts: 20 })
  })
  return { run: (size?: number) => farm.run(run(size)), takeLines, executions, one, two }
})

const scenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const { run, takeLines } = yield* setUp(simulation)
  const outcome = yield* run(2).pipe(
    Effect.map((sum) => (sum === expectedSum ? "exact" : `wrong sum ${sum}, not ${expectedSum}`)),
    Effect.catch(({ reason }) => Effect.succeed(reason._tag)),
    Effect.timeoutOrElse({ duration: runTimeout, orElse: () => Effect.succeed("timed out") })
  )
  if (!["exact", "NoWorkers"].includes(outcome)) yield* Effect.die(new Error(outcome))
  yield* simulation.sometimes(outcome)
  for (const event of yield* takeLines) yield* simulation.sometimes(event)
  yield* Effect.sleep(faultSpan)
  yield* simulation.heal
  const healedSum = yield* Effect.timeout(run(2), "10 seconds")
  if (healedSum !== expectedSum)
    yield* Effect.die(new Error(`wrong sum after healing: ${healedSum}, not ${expectedSum}`))
})

describe("TcpWorkers on a faulty network", () => {
  it.effect("returns the exact sum or NoWorkers under faults, and the exact sum after they are healed", () =>
    Effect.gen(function* () {
      const summary = yield* SimCheck.check(scenario, {
        generate,
        runs: 15,
        sometimes: ["exact", "Connected", "Lost", "Unreachable"]
      })
      assert.isAbove(summary.faults, summary.runs)
    })
  )

  it.effect("executes every packet once without faults", () =>
    Effect.gen(function* () {
      const executions = yield* Simulated.run((simulation) =>
        Effect.gen(function* () {
          const { executions, run, takeLines } = yield* setUp(simulation)
          assert.strictEqual(yield* run(1), expectedSum)
          assert.deepStrictEqual(yield* takeLines, ["Connected", "Connected"])
          return executions
        })
      )
      assert.isTrue([...executions.values()].every((times) => times === 1))
    })
  )

  it.effect("returns the exact sum after a host crash, and repeats at most its packets", () =>
    Effect.gen(function* () {
      const { repeated, virtualMillis } = yield* Simulated.run((simulation) =>
        Effect.gen(function* () {
          const { executions, one, run } = yield* setUp(simulation)
          yield* Effect.forkScoped(Effect.andThen(Effect.sleep("300 millis"), one.crash))
          const start = yield* Simulated.millis
          assert.strictEqual(yield* run(1), expectedSum)
          const virtualMillis = (yield* Simulated.millis) - start
          return { repeated: [...executions.values()].filter((times) => times > 1).length, virtualMillis }
        }).pipe(Effect.scoped, Effect.orDie)
      )
      assert.isAtMost(repeated, 2)
      // Virtual time: 170 packets of 10 ms for the two remaining threads; the loss is detected meanwhile.
      assert.isBelow(virtualMillis, 3_500)
    })
  )

  it.effect("is not delayed by a host that is a hundred times slower", () =>
    Effect.gen(function* () {
      const virtualMillis = yield* Simulated.run((simulation) =>
        Effect.gen(function* () {
          const { run } = yield* setUp(simulation, [100, 1])
          const start = yield* Simulated.millis
          assert.strictEqual(yield* run(), expectedSum)
          return (yield* Simulated.millis) - start
        }).pipe(Effect.orDie)
      )
      // Virtual time: 2,000 ms of work for two threads.
      assert.isBelow(virtualMillis, 2_000)
    })
  )
})
