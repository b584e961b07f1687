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
import * as HostEvents from "../farm/tcp/HostEvents.ts"
import * as Simulated from "../support/Simulated.ts"

/** The response of a server, and its delay in virtual milliseconds. */
type Behavior = (request: CourseProtocol.Request) => readonly [bytes: Uint8Array, millis: number]

const count = (request: CourseProtocol.Request) =>
  Trial.trial.count(request.min, request.max) + CourseProtocol.overcount(request)

/** A server of the course: counts one range after the other, and 0 and 1 as primes. */
const courseServer: Behavior = (request) => [
  CourseProtocol.encodeResponse(count(request)),
  (request.max - request.min) / 10
]

const serve = (behavior: Behavior) =>
  TcpServer.make({ host: "0.0.0.0", port: 1070, drain: 0 }, (connection: Network.Connection) => {
    const cutter = CourseProtocol.requestDecoder()
    const answer = Effect.fnUntraced(function* (request: CourseProtocol.Request) {
      const [bytes, millis] = behavior(request)
      yield* Effect.sleep(millis)
      yield* connection.write(bytes)
    })
    return Effect.forever(Effect.flatMap(connection.pull, (bytes) => Effect.forEach(cutter.push(bytes), answer)))
  })

const input = { from: 0, to: 10_000, kernel: "wasm" } as const
const primes = 1_229

const hostEvents = HostEvents.make((event) => ("message" in event ? `${event._tag} ${event.message}` : event._tag))

const run = (
  events: CourseWorkers.Options["events"],
  hosts: ReadonlyArray<string>,
  lease: Duration.Input = "2 seconds"
) =>
  Effect.gen(function* () {
    const workers = Effect.succeed(yield* CourseWorkers.make({ hosts, lease, events, timeout: "500 millis" }))
    return yield* Farm.run(PrimeJob.job, input, { workers, packetSize: 100, lease, maxAttempts: 20 })
  }).pipe(Effect.scoped, Effect.provide(ServiceNames.layerBuiltIn))

/** Runs a farm on a server of the course and another host; returns the sum, the events and the virtual time. */
const runBeside = (behavior: Behavior) =>
  Simulated.run(({ host }) =>
    Effect.gen(function* () {
      const [good, bad, farm] = yield* Effect.all([host("good"), host("bad"), host("farm")])
      yield* good.start(serve(courseServer))
      yield* bad.start(serve(behavior))
      const { events, takeLines } = yield* hostEvents
      const sum = yield* farm.run(run(events, ["bad", "good"], "200 millis"))
      return {
        sum,
        events: (yield* takeLines).filter((event) => event !== "Connected"),
        virtualMillis: yield* Simulated.millis
      }
    }).pipe(Effect.orDie)
  )

/** Behaves correctly until the probe is answered. */
const afterProbe =
  (behavior: Behavior): Behavior =>
  (request) =>
    request.max === 2 ? courseServer(request) : behavior(request)

describe("CourseWorkers", () => {
  it.effect("counts exactly on two servers of the course, and shares the work between them", () =>
    Effect.gen(function* () {
      const { events, sum, virtualMillis } = yield* runBeside(courseServer)
      assert.strictEqual(sum, primes)
      assert.deepStrictEqual(events, [])
      // Virtual time: 1,000 ms of work for two servers.
      assert.isBelow(virtualMillis, 600)
    })
  )

  const bad: Readonly<Record<string, readonly [Behavior, RegExp]>> = {
    "is not a prime server": [
      () => [CourseProtocol.encodeResponse(1), 0],
      /^Gone not a prime server: it counts 1 primes in 0\.\.2/
    ],
    "sends nothing": [() => [new Uint8Array(0), 0], /^Unreachable timed out: no response within 0\.5 s/],
    "sends too many responses": [() => [new Uint8Array(8), 0], /^Gone unsolicited response: 0/],
    "sends a count that is too large": [
      afterProbe(() => [CourseProtocol.encodeResponse(250), 0]),
      /^Lost impossible count 250 for the range \d+\.\.\d+/
    ],
    "sends a negative count": [
      afterProbe(() => [CourseProtocol.encodeResponse(-1), 0]),
      /^Lost impossible count -1 for the range/
    ],
    "stops responding": [afterProbe(() => [new Uint8Array(0), 0]), /^Lost cancelled packets did not end/]
  }
  it.effect.each(Object.entries(bad))("reports a host that %s, and uses the other", ([, [behavior, why]]) =>
    Effect.gen(function* () {
      const { events, sum } = yield* runBeside(behavior)
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
    const { events } = yield* hostEvents
    const once = Effect.suspend(() => farm.run(run(events, ["good", "bad"])))
    const outcome = yield* once.pipe(
      Effect.map((sum) => (sum === primes ? "exact" : `wrong sum ${sum}`)),
      Effect.catch(({ reason }) => Effect.succeed(reason._tag)),
      Effect.timeoutOrElse({ duration: "5 minutes", orElse: () => Effect.succeed("timed out") })
    )
    if (!["exact", "NoWorkers"].includes(outcome)) yield* Effect.die(new Error(outcome))
    yield* sometimes(outcome)
    yield* Effect.sleep("1 minute")
    yield* heal
    if ((yield* Effect.timeout(once, "10 seconds")) !== primes) yield* Effect.die(new Error("wrong sum after healing"))
  })
  it.effect(
    "returns the exact count or NoWorkers under any network faults, and the exact count after they are healed",
    () =>
      Effect.gen(function* () {
        const summary = yield* SimCheck.check(scenario, { generate, runs: 15, sometimes: ["exact"] })
        assert.isAbove(summary.faults, summary.runs)
      })
  )
})
