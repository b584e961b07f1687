import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Farm from "../../src/farm/Farm.ts"
import type * as Network from "../../src/network/Network.ts"
import * as ServiceNames from "../../src/network/names/ServiceNames.ts"
import * as TcpServer from "../../src/network/TcpServer.ts"
import * as CourseProtocol from "../../src/primes/CourseProtocol.ts"
import * as CourseWorkers from "../../src/primes/CourseWorkers.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"
import * as Trial from "../../src/primes/Trial.ts"
import type * as FaultArbitrary from "../../src/simulation/faults/FaultArbitrary.ts"
import * as SimCheck from "../../src/simulation/SimCheck.ts"
import type * as Simulation from "../../src/simulation/Simulation.ts"
import * as Simulated from "../support/Simulated.ts"

/** What a server answers, and after how many milliseconds. */
type Behavior = (request: CourseProtocol.Request) => readonly [bytes: Uint8Array, millis: number]

const count = (request: CourseProtocol.Request) =>
  Trial.trial.count(request.min, request.max) + CourseProtocol.overcount(request)

/** As the course's: one range after the other, 0 and 1 among the primes. */
const courseServer: Behavior = (request) => [
  CourseProtocol.encodeResponse(count(request)),
  (request.max - request.min) / 10
]

const serve = (nature: Behavior) =>
  TcpServer.make({ host: "0.0.0.0", port: 1070, drain: 0 }, (connection: Network.Connection) => {
    const cutter = CourseProtocol.requestDecoder()
    const answer = Effect.fnUntraced(function* (request: CourseProtocol.Request) {
      const [bytes, millis] = nature(request)
      yield* Effect.sleep(millis)
      yield* connection.write(bytes)
    })
    return Effect.forever(Effect.flatMap(connection.pull, (bytes) => Effect.forEach(cutter.push(bytes), answer)))
  })

const input = { from: 0, to: 10_000, kernel: "wasm" } as const
const primes = 1_229

const run = (events: Array<string>, hosts: ReadonlyArray<string>, lease: Duration.Input = "2 seconds") =>
  Effect.gen(function* () {
    const onEvent: CourseWorkers.Options["onEvent"] = (event) =>
      Effect.sync(() => events.push("message" in event ? `${event._tag} ${event.message}` : event._tag))
    const workers = Effect.succeed(yield* CourseWorkers.make({ hosts, lease, onEvent }))
    return yield* Farm.run(PrimeJob.job, input, { workers, packetSize: 100, lease, maxAttempts: 20 })
  }).pipe(Effect.scoped, Effect.provide(ServiceNames.layerBuiltIn))

/** An original beside another host. */
const runBeside = (nature: Behavior) =>
  Simulated.run(({ host }) =>
    Effect.gen(function* () {
      const [good, bad, farm] = yield* Effect.all([host("good"), host("bad"), host("farm")])
      yield* good.start(serve(courseServer))
      yield* bad.start(serve(nature))
      const events: Array<string> = []
      const sum = yield* farm.run(run(events, ["bad", "good"], "200 millis"))
      return { sum, events: events.filter((event) => event !== "Connected"), millis: yield* Simulated.millis }
    }).pipe(Effect.orDie)
  )

/** Right until it has greeted. */
const afterProbe =
  (nature: Behavior): Behavior =>
  (request) =>
    request.max === 2 ? courseServer(request) : nature(request)

describe("CourseWorkers", () => {
  it.effect("two of the course's servers count right, and share the work", () =>
    Effect.gen(function* () {
      const { events, millis, sum } = yield* runBeside(courseServer)
      assert.strictEqual(sum, primes)
      assert.deepStrictEqual(events, [])
      // 1,000 ms of work for two.
      assert.isBelow(millis, 600)
    })
  )

  const bad: Readonly<Record<string, readonly [Behavior, RegExp]>> = {
    "is none": [() => [CourseProtocol.encodeResponse(1), 0], /^Ignored it counts 1 primes from 0 to 1/],
    "says nothing": [() => [new Uint8Array(0), 0], /^Ignored no answer within 5 s/],
    "says too much": [() => [new Uint8Array(8), 0], /^Ignored it answers 0 unasked/],
    "counts too many": [
      afterProbe(() => [CourseProtocol.encodeResponse(250), 0]),
      /^Lost it counts 250 primes from \d+ to/
    ],
    "counts fewer than none": [
      afterProbe(() => [CourseProtocol.encodeResponse(-1), 0]),
      /^Lost it counts -1 primes from/
    ],
    "falls silent": [afterProbe(() => [new Uint8Array(0), 0]), /^Lost it does not end what was cancelled/]
  }
  it.effect.each(Object.entries(bad))("a host that %s: the other does the work", ([, [nature, why]]) =>
    Effect.gen(function* () {
      const { events, sum } = yield* runBeside(nature)
      assert.strictEqual(sum, primes)
      if (!events.some((event) => why.test(event))) assert.fail(events.join("\n"))
    })
  )

  const generate: FaultArbitrary.Options = {
    ...{ hosts: ["good", "bad", "farm"], faultyHosts: ["good", "bad"], transport: "tcp", faultPeriod: "5 seconds" }
  }
  const scenario = Effect.fnUntraced(function* ({ heal, host, sometimes }: Simulation.Simulation) {
    const [good, bad, farm] = yield* Effect.all([host("good"), host("bad"), host("farm")])
    yield* good.start(serve(courseServer))
    yield* bad.start(serve(courseServer))
    const once = Effect.suspend(() => farm.run(run([], ["good", "bad"])))
    const outcome = yield* once.pipe(
      Effect.map((sum) => (sum === primes ? "right" : `the sum is ${sum}`)),
      Effect.catch(({ reason }) => Effect.succeed(reason._tag)),
      Effect.timeoutOrElse({ duration: "5 minutes", orElse: () => Effect.succeed("no answer") })
    )
    if (!["right", "NoWorkers"].includes(outcome)) yield* Effect.die(new Error(outcome))
    yield* sometimes(outcome)
    yield* Effect.sleep("1 minute")
    yield* heal
    if ((yield* Effect.timeout(once, "10 seconds")) !== primes) yield* Effect.die(new Error("wrong in the end"))
  })
  it.effect("the exact count or no worker is left, whatever the network does", () =>
    Effect.gen(function* () {
      const summary = yield* SimCheck.check(scenario, { generate, runs: 40, sometimes: ["right"] })
      assert.isAbove(summary.faults, summary.runs)
    })
  )
})
