import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Farm from "../../../src/farm/Farm.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import * as Worker from "../../../src/farm/Worker.ts"
import * as NodeServices from "../../../src/network/node/NodeServices.ts"
import * as Suite from "../../suites/Farm.ts"
import { job, sum } from "../jobs/odd.ts"
import * as HostEvents from "./HostEvents.ts"

const module = new URL("../jobs/odd.ts", import.meta.url)

const threads = (count: number) => NodeThreadWorkers.make({ module, threads: count, gracePeriod: "300 millis" })

const serve = (options: Partial<TcpWorkerServer.Options> = {}) =>
  Effect.map(
    TcpWorkerServer.make({
      ...{ port: 0, job, workers: threads(1), drain: "100 millis" },
      ...options
    } as TcpWorkerServer.Options),
    (server) => ({ server, host: NetAddress.formatSocketAddress(server.address) })
  ).pipe(Effect.provide(NodeServices.layer), Effect.catchTag("NetworkError", Effect.die))

const quick = Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 3 }))

const connect = (hosts: ReadonlyArray<string>, more: Partial<TcpWorkers.Options> = {}) =>
  HostEvents.make(HostEvents.messageOf).pipe(
    Effect.flatMap(({ events }) => TcpWorkers.make({ job, hosts, reconnect: quick, events, ...more })),
    Effect.provide(NodeServices.layer)
  )

/** Two workers, each on a server of its own. */
const remote: Worker.Workers = Effect.flatMap(Effect.all([serve(), serve()]), (servers) =>
  connect(servers.map(({ host }) => host))
)

describe("TcpWorkers", () => {
  Suite.suite({ workers: remote, mayExit: false, gracePeriodMillis: 300 })

  it.live("names a packet that kills every thread of a server, and the server continues", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { host } = yield* serve({ workers: threads(2) })
        const { events, takeLines } = yield* HostEvents.make(HostEvents.messageOf)
        const workers = connect([host], { events })
        const odd = { at: 500, does: "exit" as const }
        const { reason } = yield* Effect.flip(Farm.run(job, { to: 1_000, odd }, { workers, packetSize: 1 }))
        if (reason._tag !== "PoisonPacket") return assert.fail(reason.message)
        assert.deepStrictEqual(reason.packet, { from: 500, to: 501, odd })
        assert.strictEqual(yield* Farm.run(job, { to: 1_000 }, { workers, packetSize: 1 }), sum(1_000))
        assert.deepStrictEqual(yield* takeLines, ["Connected", "Connected"])
      })
    )
  )

  it.live("blames the packet that never ends, and none that waits at the host or runs beside it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { host } = yield* serve({ workers: threads(2) })
        const odd = { at: 3, does: "spin" as const }
        const options = { workers: connect([host]), packetSize: 1, timeout: "1 second", maxAttempts: 2 } as const
        const { reason } = yield* Effect.flip(Farm.run(job, { to: 50, odd }, options))
        if (reason._tag !== "PoisonPacket") return assert.fail(reason.message)
        assert.strictEqual(reason.id, 3)
        assert.deepStrictEqual(
          reason.attempts.map(({ kind }) => kind),
          ["TimedOut", "TimedOut"]
        )
      })
    )
  )

  it.live("lets several farms share a server, combined with threads of this process", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { host } = yield* serve({ workers: threads(2) })
        const workers = Worker.concat(connect([host]), threads(1))
        const one = Farm.run(job, { to: 100_000 }, { workers, packetSize: 50 })
        const answers = yield* Effect.all([one, one, one], { concurrency: "unbounded" })
        assert.deepStrictEqual(answers, [sum(100_000), sum(100_000), sum(100_000)])
      })
    )
  )

  it.live("makes a worker for each thread of a host, named after it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { host } = yield* serve({ workers: threads(2) })
        const start = performance.now()
        const { workers } = yield* connect([host])
        const elapsed = performance.now() - start
        assert.deepStrictEqual(
          workers.map(({ name }) => name),
          [`${host} #1`, `${host} #2`]
        )
        assert.isTrue(
          workers.every(
            ({ capacity, latencyMillis }) => capacity === 32 && latencyMillis > 0 && latencyMillis <= elapsed
          )
        )
      })
    )
  )

  it.live("requires the same key on both sides", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const key = Redacted.make("open sesame")
        const [safe, open] = yield* Effect.all([serve({ key }), serve()])
        const refusal = (host: string, more: Partial<TcpWorkers.Options>) =>
          Effect.flip(Effect.scoped(connect([host], more)))
        const workers = connect([safe.host], { key })
        assert.strictEqual(yield* Farm.run(job, { to: 100 }, { workers }), sum(100))
        const wrong = Redacted.make("open barley")
        assert.match((yield* refusal(safe.host, { key: wrong })).message, /authentication failed: wrong key$/)
        assert.match((yield* refusal(safe.host, {})).message, /authentication required: start the client with --key$/)
        assert.match((yield* refusal(open.host, { key })).message, /authentication failed: the server has no key$/)
      })
    )
  )

  it.live("reports hosts that are unknown, closed or run another job, and uses the others", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { host } = yield* serve()
        const closed = yield* Effect.scoped(serve())
        const { events, take } = yield* HostEvents.make(HostEvents.messageOf)
        const hosts = ["unknown.invalid", closed.host, host, "x:y:z"]
        const pool = yield* connect(hosts, { events })
        const lines = yield* take(hosts.length)
        assert.strictEqual(yield* Farm.run(job, { to: 100 }, { workers: Effect.succeed(pool) }), sum(100))
        const texts = lines.join("\n")
        assert.match(texts, /unknown\.invalid/)
        assert.match(texts, /nothing is listening on that port/)
        assert.match(texts, /invalid host "x:y:z"/)
        assert.include(lines, "Connected")
        const other = yield* Effect.flip(Effect.scoped(connect([host, closed.host], { job: { ...job, version: 2 } })))
        assert.strictEqual(other.reason._tag, "NoWorkers")
        assert.match(other.message, /wrong job odd 2: this server runs odd 1.*nothing is listening on that port/)
        assert.match((yield* Effect.flip(Effect.scoped(connect([])))).message, /^invalid host count 0/)
      })
    ).pipe(Effect.timeout("20 seconds"))
  )

  it.live("emits the events of farms, and counts their packets", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { host, server } = yield* serve()
        const farmEvents = Stream.filter(server.events, ({ _tag }) => _tag.startsWith("Farm"))
        const collected = yield* Effect.forkScoped(Stream.runCollect(Stream.take(farmEvents, 3)), {
          startImmediately: true
        })
        yield* Effect.flip(Effect.scoped(connect([host], { job: { ...job, version: 2 } })))
        assert.strictEqual(yield* Farm.run(job, { to: 100 }, { workers: connect([host]), packetSize: 10 }), sum(100))
        const events = yield* Fiber.join(collected)
        assert.deepStrictEqual(
          events.map((event) => ("id" in event ? `${event._tag} ${event.id}` : event._tag)),
          ["FarmRefused 1", "FarmJoined 2", "FarmLeft 2"]
        )
        const { accepted, farms, packets } = yield* server.stats
        assert.deepStrictEqual({ accepted, farms, packets }, { accepted: 2, farms: 0, packets: 10 })
      })
    )
  )

  it.live("takes port and key of a server from the environment", () =>
    Effect.gen(function* () {
      const { address } = yield* TcpWorkerServer.TcpWorkerServer
      const refused = yield* Effect.flip(Effect.scoped(connect([NetAddress.formatSocketAddress(address)])))
      assert.match(refused.message, /authentication required/)
    }).pipe(
      Effect.provide(TcpWorkerServer.layerConfig({ job, workers: threads(1), port: 1, drain: 0 })),
      Effect.provide(NodeServices.layer),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env: { FARM_PORT: "0", FARM_KEY: "open sesame" } })
      )
    )
  )

  it("parses hosts with and without a port, and refuses malformed ones", () => {
    const parsed = ["a", "a:1071", "10.0.0.1:x", "[::1]:1071", "[::1]", "fe80::1%eth0"].map((text) =>
      Result.getOrThrow(TcpWorkers.parseHost(text))
    )
    assert.deepStrictEqual(
      parsed.map(({ host, service }) => [host, service]),
      [
        ["a", 1_070],
        ["a", "1071"],
        ["10.0.0.1", "x"],
        ["::1", "1071"],
        ["::1", 1_070],
        ["fe80::1%eth0", 1_070]
      ]
    )
    for (const text of ["", ":1", "a:", "[::1", "[]:1", "x:y:z"]) {
      if (Result.isSuccess(TcpWorkers.parseHost(text))) assert.fail(`${text} is a host`)
    }
    for (const port of ["0", "65536", "99999", "-1", "+1", "1.5"]) {
      const reason = `invalid port ${port} of a: must be a whole number from 1 to 65535`
      assert.deepStrictEqual(TcpWorkers.parseHost(`a:${port}`), Result.fail(reason))
    }
    assert.deepStrictEqual(TcpWorkers.parseHost("a:1", 99_999), Result.succeed({ host: "a", service: "1" }))
    assert.isTrue(Result.isFailure(TcpWorkers.parseHost("a", 99_999)))
  })
})
