/** Hosts that come and go during a run, in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Farm from "../../../src/farm/Farm.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as Worker from "../../../src/farm/Worker.ts"
import type * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"
import type * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as Sums from "../Sums.ts"
import * as HostEvents from "./HostEvents.ts"

const millisPerUnit = 10

const cost = ({ from, to }: typeof Sums.Range.Type) => millisPerUnit * (to - from)

const { job } = Sums.make()

const serve = Effect.suspend(() =>
  TcpWorkerServer.make({
    ...{ host: "0.0.0.0", port: 1070, drain: 0, job },
    workers: SimWorkers.make(job, [1], cost).workers
  })
)

/** A server that accepts connections, and sends nothing. */
const accept = TcpServer.make({ host: "0.0.0.0", port: 1070, drain: 0 }, () => Effect.never)

interface RunOptions {
  readonly own?: Worker.Workers
  readonly numbers?: number
  readonly packetSize?: number
  readonly dns?: Dns.Dns["Service"]
}

/** A farm that sums the numbers below 1,000 on hosts, which takes one of them 10 s of virtual time. */
const setUp = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const farm = yield* simulation.host("farm")
  const { events, takeLines } = yield* HostEvents.make(
    (event) => `${event.host} ${event._tag}${event._tag === "Connected" && event.again ? " again" : ""}`
  )
  const run = Effect.fnUntraced(function* (
    options: Partial<TcpWorkers.Options> & Pick<TcpWorkers.Options, "hosts">,
    { dns, numbers = 1_000, packetSize = 10, own = Effect.succeed(Worker.pool([])) }: RunOptions = {}
  ) {
    const network = yield* Effect.context<Network.Network | Dns.Dns>()
    const context = dns === undefined ? network : Context.add(network, Dns.Dns, dns)
    const hosts = TcpWorkers.make({ job, lease: "2 seconds", events, ...options }).pipe(
      Effect.provide(ServiceNames.layerBuiltIn),
      Effect.provideContext(context)
    )
    const workers = Worker.concat(own, hosts)
    const running = yield* Farm.start(job, numbers, { workers, packetSize, lease: "10 seconds", maxAttempts: 20 })
    assert.strictEqual(yield* running.output, Sums.expectedSum(numbers))
    const stats = yield* running.stats
    return stats.hosts.map(({ host, packets, state }) => ({ host, packets, state }))
  }, Effect.scoped)
  return { farm, run: (...args: Parameters<typeof run>) => farm.run(run(...args)), takeLines }
})

/** Runs a scenario; returns its result and the virtual time that it took. */
const simulate = <A, E>(
  scenario: (simulation: Simulation.Simulation, farm: Effect.Success<ReturnType<typeof setUp>>) => Effect.Effect<A, E>
) =>
  Simulated.run((simulation) =>
    Effect.gen(function* () {
      const result = yield* scenario(simulation, yield* setUp(simulation))
      return { result, virtualMillis: yield* Simulated.millis }
    }).pipe(Effect.orDie)
  )

const within = (limits: readonly [number, number], value: number) => {
  assert.isAtLeast(value, limits[0])
  assert.isAtMost(value, limits[1])
}

describe("TcpWorkers with hosts that come and go", () => {
  it.effect("begins with the first host that is ready, and the others join when they start", () =>
    Effect.gen(function* () {
      const { result, virtualMillis } = yield* simulate((simulation, { run, takeLines }) =>
        Effect.gen(function* () {
          yield* (yield* simulation.host("one")).start(serve)
          const late = yield* simulation.host("late")
          yield* late.start(Effect.andThen(Effect.sleep("2 seconds"), serve))
          yield* (yield* simulation.host("silent")).start(accept)
          const hosts = ["silent", "late", "one"]
          return { hosts: yield* run({ hosts }), lines: yield* takeLines }
        })
      )
      // 2 s of one host, at most 2 s of delay, then two hosts.
      within([6_000, 7_500], virtualMillis)
      assert.deepStrictEqual(
        result.hosts.map(({ host, packets }) => [host, packets > 20]),
        [
          ["one", true],
          ["late", true]
        ]
      )
      assert.deepStrictEqual(result.lines.toSorted(), [
        ...["late Connected", "late Unreachable", "one Connected", "silent Unreachable"]
      ])
    })
  )

  it.effect("tries a host that is down for as long as the run lasts, with delays of 12 s at most", () =>
    Effect.gen(function* () {
      const { result } = yield* simulate((simulation, { run, takeLines }) =>
        Effect.gen(function* () {
          yield* (yield* simulation.host("one")).start(serve)
          const late = yield* simulation.host("late")
          yield* late.start(Effect.andThen(Effect.sleep("4 minutes"), serve))
          const hosts = yield* run({ hosts: ["one", "late"] }, { numbers: 30_000, packetSize: 100 })
          return { hosts, lines: yield* takeLines }
        })
      )
      assert.deepStrictEqual(result.lines, ["one Connected", "late Unreachable", "late Connected"])
      // 60 packets are left after 4 minutes, and at most 12 s pass until the host is tried.
      assert.isAbove(result.hosts[1]!.packets, 20)
    })
  )

  it.effect("fails with the cause of each host if none is ready in time, or none can ever be used", () =>
    Effect.gen(function* () {
      const { result, virtualMillis } = yield* simulate((simulation, { run }) =>
        Effect.gen(function* () {
          yield* simulation.host("down")
          const none = yield* Effect.flip(run({ hosts: ["down", "10.9.9.9", "nosuch"], connectTimeout: "3 seconds" }))
          const hosts = ["x:y:z", "down:nosuch", "10.9.9.9:nosuch", "10.9.9.9:99999"]
          const wrong = yield* Effect.flip(run({ hosts, connectTimeout: "1 hour" }))
          return [none.message, wrong.message]
        })
      )
      assert.match(
        result[0]!,
        /^no worker is left: down: .*refused.*; 10\.9\.9\.9:1070: no route.*; nosuch: no such host/
      )
      assert.match(result[1]!, /^no worker is left: x:y:z: invalid host "x:y:z".*; down:nosuch: .*"nosuch"/)
      assert.match(result[1]!, /; 10\.9\.9\.9:nosuch: .*"nosuch".*; 10\.9\.9\.9:99999: invalid port 99999/)
      assert.strictEqual(virtualMillis, 3_000)
    })
  )

  it.effect("ends a run once all of its hosts are given up", () =>
    Effect.gen(function* () {
      const { result } = yield* simulate((simulation, { run }) =>
        Effect.gen(function* () {
          const one = yield* simulation.host("one")
          yield* one.start(serve)
          yield* Effect.forkScoped(Effect.andThen(Effect.sleep("1 second"), one.crash))
          const reconnect = Schedule.upTo(TcpWorkers.reconnect, { duration: "5 seconds" })
          return yield* Effect.flip(run({ hosts: ["one"], reconnect }))
        }).pipe(Effect.scoped)
      )
      assert.match(result.message, /^no worker is left: one: /)
    })
  )

  it.effect("does not wait for a host if it may be empty, and workers of this process begin", () =>
    Effect.gen(function* () {
      const { result, virtualMillis } = yield* simulate((simulation, { run }) =>
        Effect.gen(function* () {
          const late = yield* simulation.host("late")
          yield* late.start(Effect.andThen(Effect.sleep("2 seconds"), serve))
          return yield* run({ hosts: ["late"], mayBeEmpty: true }, { own: SimWorkers.make(job, [1], cost).workers })
        })
      )
      within([6_000, 7_500], virtualMillis)
      assert.deepStrictEqual(
        result.map(({ host }) => host),
        [undefined, "late"]
      )
    })
  )

  it.effect("follows a list that changes: hosts are added, removed and added again", () =>
    Effect.gen(function* () {
      const { result, virtualMillis } = yield* simulate((simulation, { run, takeLines }) =>
        Effect.gen(function* () {
          for (const name of ["one", "two"]) yield* (yield* simulation.host(name)).start(serve)
          const lists = yield* Queue.unbounded<ReadonlyArray<string>>()
          const changes = [[], ["one"], ["one", "two"], ["two"], ["two", "one"]]
          yield* Effect.forkScoped(
            Effect.forEach(changes, (hosts) => Effect.andThen(Queue.offer(lists, hosts), Effect.sleep("1 second")))
          )
          const hosts = yield* run({ hosts: Stream.fromQueue(lists) })
          return { hosts, lines: yield* takeLines }
        }).pipe(Effect.scoped)
      )
      assert.deepStrictEqual(result.lines, [...["one Connected", "two Connected", "one Left", "one Connected"]])
      assert.deepStrictEqual(
        result.hosts.map(({ host, state }) => [host, state]),
        [
          ["one", "ready"],
          ["two", "ready"]
        ]
      )
      // 1 s without a host, 1 s of one, 1 s of two, 1 s of one, then two.
      within([6_900, 7_300], virtualMillis)
    })
  )

  it.effect("takes each address of a name for a host: new ones join, and others leave when they are lost", () =>
    Effect.gen(function* () {
      const { result } = yield* simulate((simulation, { run, takeLines }) =>
        Effect.gen(function* () {
          const hosts = yield* Effect.forEach(["a", "b", "c"], (name) => simulation.host(name))
          for (const host of hosts) yield* host.start(serve)
          const [a, b, c] = hosts.map(({ address }) => address) as [string, string, string]
          let known = [a, b]
          const dns = Dns.make({
            lookup: () => Effect.sync(() => known.map((one) => NetAddress.ipFromStringUnsafe(one)))
          })
          yield* Effect.forkScoped(
            Effect.gen(function* () {
              yield* Effect.sleep("5 seconds")
              known = [b, c]
              yield* Effect.sleep("40 seconds")
              yield* hosts[0]!.crash
            })
          )
          yield* run({ hosts: ["lab"] }, { dns, numbers: 20_000, packetSize: 100 })
          return { lines: yield* takeLines, a, b, c }
        }).pipe(Effect.scoped)
      )
      const { a, b, c, lines } = result
      assert.deepStrictEqual(lines.slice(0, 2).sort(), [`lab (${a}) Connected`, `lab (${b}) Connected`])
      assert.deepStrictEqual(lines.slice(2), [`lab (${c}) Connected`, `lab (${a}) Lost`, `lab (${a}) Left`])
    })
  )
})

/** Faults of the farm's links and of the hosts, beside the changes of the list. */
const generate: FaultArbitrary.Options = {
  ...{ hosts: ["farm", "one", "two", "three"], faultyHosts: ["one", "two", "three"] },
  ...{ transport: "tcp", faultPeriod: "20 seconds" }
}

const names = ["one", "two", "three"]

/** Emits random lists of hosts for 30 s, then all of them. */
const randomLists = Stream.fromEffectRepeat(
  Effect.gen(function* () {
    const wanted = yield* Effect.filter(names, () => Random.nextBoolean)
    yield* Effect.sleep(yield* Random.nextBetween(100, 3_000))
    return wanted
  })
).pipe(Stream.take(20), Stream.concat(Stream.succeed(names)))

describe("TcpWorkers under churn", () => {
  it.effect("returns the exact sum while hosts appear, vanish, are partitioned and return at random", () =>
    Effect.gen(function* () {
      const scenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
        const { run, takeLines } = yield* setUp(simulation)
        for (const name of names) yield* (yield* simulation.host(name)).start(serve)
        yield* run({ hosts: randomLists, connectTimeout: "5 minutes" }, { numbers: 2_000, packetSize: 20 }).pipe(
          Effect.timeoutOrElse({ duration: "10 minutes", orElse: () => Effect.die(new Error("the run does not end")) })
        )
        for (const line of yield* takeLines) yield* simulation.sometimes(line.replace(/^\w+ /, ""))
      })
      const sometimes = ["Connected", "Connected again", "Lost", "Left"]
      const summary = yield* SimCheck.check(scenario, { generate, runs: 8, sometimes })
      assert.isAbove(summary.faults, summary.runs)
    })
  )
})
