import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Farm from "../../src/farm/Farm.ts"
import * as TcpWorkers from "../../src/farm/tcp/TcpWorkers.ts"
import * as NodeThreadWorkers from "../../src/farm/threads/NodeThreadWorkers.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeServices from "../../src/network/node/NodeServices.ts"
import * as CourseProtocol from "../../src/primes/CourseProtocol.ts"
import * as CourseWorkers from "../../src/primes/CourseWorkers.ts"
import * as Kernels from "../../src/primes/Kernels.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"
import * as PrimeServer from "../../src/primes/PrimeServer.ts"
import * as Handles from "../support/Handles.ts"
import { outcome, read } from "../support/Hosts.ts"
import { collectUntil, describeSpans, withEnvironment, withSpans } from "../support/Observing.ts"

const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })

const serve = (options: Partial<PrimeServer.Options> = {}) =>
  Effect.map(
    PrimeServer.make({ port: 0, workers, drain: "100 millis", ...options } as PrimeServer.Options),
    ({ address }) => ({ address, host: NetAddress.formatSocketAddress(address) })
  )

const onHost = <A, E, R>(body: Effect.Effect<A, E, R>, level: LogLevel.LogLevel = "Warn") =>
  Handles.assertNoLeaks(Effect.scoped(body)).pipe(
    Effect.provide(NodeServices.layer),
    // With `dialect: "course"` the server logs a line for every range.
    Effect.provideService(References.MinimumLogLevel, level)
  )

const connectTo = (address: NetAddress.SocketAddress) => Effect.flatMap(Network.Network, (n) => n.connect(address))

/** Sends requests in one write, and returns the responses. */
const ask = Effect.fnUntraced(function* (
  connection: Network.Connection,
  ranges: ReadonlyArray<readonly [min: number, max: number]>
) {
  const requests = ranges.flatMap(([min, max]) => [...CourseProtocol.encodeRequest({ min, max })])
  yield* connection.write(Uint8Array.from(requests))
  return CourseProtocol.responseDecoder().push(yield* read(connection, 4 * ranges.length))
})

/** Requests as the course's client sends them: ranges of a thousand, but up to 10^6 only. */
const thousands = Array.from({ length: 1_000 }, (_, index) => [index * 1_000, (index + 1) * 1_000] as const)

const sum = (counts: ReadonlyArray<number>) => counts.reduce((all, count) => all + count, 0)

const rangeLimit = 1_000_000
const input = { from: 0, to: rangeLimit, kernel: "wasm" } as const

/** Makes a pool of one host. */
const farm = (host: string, more: Partial<TcpWorkers.Options> = {}) =>
  Effect.provide(TcpWorkers.make({ job: PrimeJob.job, hosts: [host], ...more }), NodeServices.layer)

const courseFarm = (host: string, pipeline: number) =>
  Effect.provide(CourseWorkers.make({ hosts: [host], maxPendingRanges: pipeline }), NodeServices.layer)

describe("PrimeServer", () => {
  it.live("reports each request of the course's client as an event and a span", () =>
    onHost(
      Effect.gen(function* () {
        const [server, spans] = yield* withSpans(PrimeServer.make({ port: 0, workers, drain: "100 millis" }))
        const events = yield* collectUntil(server.events, (event) => event._tag === "Counted" && event.range.min === 10)
        const connection = yield* connectTo(server.address)
        assert.deepStrictEqual(yield* ask(connection, [[0, 10]]), [4])
        assert.deepStrictEqual(yield* ask(connection, [[10, 30]]), [6])
        assert.deepStrictEqual((yield* Fiber.join(events)).slice(1), [
          { _tag: "Counted", id: 1, range: { min: 0, max: 10 }, count: 4 },
          { _tag: "Counted", id: 1, range: { min: 10, max: 30 }, count: 6 }
        ])
        assert.deepStrictEqual(describeSpans(spans).slice(1), [
          ["PrimeServer.request", { min: 0, max: 10 }],
          ["PrimeServer.request", { min: 10, max: 30 }]
        ])
        assert.include(yield* server.stats, { active: 1, accepted: 1 })
      })
    )
  )

  it.live("layerConfig takes port, dialect and key from the environment", () =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* PrimeServer.PrimeServer
        assert.deepStrictEqual(yield* ask(yield* connectTo(address), [[0, 10]]), [6])
      }).pipe(
        Effect.provide(PrimeServer.layerConfig({ workers, drain: "100 millis" })),
        withEnvironment({ PRIMES_PORT: "0", PRIMES_DIALECT: "course" })
      )
    )
  )

  it.live("answers a request of 8 bytes with 4 bytes", () =>
    onHost(
      Effect.gen(function* () {
        const connection = yield* connectTo((yield* serve()).address)
        yield* connection.write(Uint8Array.of(0, 0, 0, 0, 0xe8, 3, 0))
        yield* connection.write(Uint8Array.of(0))
        assert.deepStrictEqual([...(yield* read(connection, 4))], [168, 0, 0, 0])
      })
    )
  )

  it.live.each([
    ["exact", 78_498],
    ["course", 78_500]
  ] as const)("sends the counts of dialect %s to the course's client: %i below 10^6", ([dialect, primes]) =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* serve({ dialect })
        const clients = yield* Effect.all([connectTo(address), connectTo(address)])
        // Half of the requests at once, and some one after the other, as the course's client sends them.
        const [one, two] = clients
        const half = thousands.length / 2
        const responses = yield* Effect.all(
          [
            ask(one!, thousands.slice(0, half)),
            Effect.forEach(thousands.slice(half, half + 100), (range) => ask(two!, [range])),
            ask(yield* connectTo(address), thousands.slice(half + 100))
          ],
          { concurrency: "unbounded" }
        )
        assert.strictEqual(sum(responses.flat(2)), primes)
      })
    )
  )

  it.live("responds to any range, in the order of the requests", () =>
    onHost(
      Effect.gen(function* () {
        const connection = yield* connectTo((yield* serve({ dialect: "course" })).address)
        const ranges = [
          ...[[0, 100_000_000] as const, [0, 2] as const, [1, 2] as const, [2, 3] as const, [10, 0] as const],
          ...[[-5, 3] as const, [-2_147_483_648, -1] as const, [2_147_483_640, CourseProtocol.upperLimit] as const]
        ]
        assert.deepStrictEqual(yield* ask(connection, ranges), [5_761_457, 2, 1, 1, 0, 3, 0, 0])
      })
    )
  )

  it.live("logs each range with dialect course, as the course's server does", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
    return onHost(
      Effect.gen(function* () {
        const connection = yield* connectTo((yield* serve({ dialect: "course" })).address)
        yield* ask(connection, [[0, 1_000]])
        assert.include(lines, "Info range        0 -     1000 : count = 170")
      }),
      "Info"
    ).pipe(Effect.provide(Logger.layer([logger])))
  })

  const Bound = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
  it.effect.prop(
    "responds with the counts of a kernel",
    [Schema.Array(Schema.Tuple([Bound, Bound]))],
    ([ranges]) =>
      onHost(
        Effect.gen(function* () {
          if (ranges.length === 0) return
          const connection = yield* connectTo((yield* serve()).address)
          const expected = ranges.map(([min, max]) => Kernels.kernels.segmented.count(min, max))
          assert.deepStrictEqual(yield* ask(connection, ranges), expected)
        })
      ),
    { arbitrary: { runs: 5 } }
  )

  it.live("serves farms and the course's client on the same port at the same time", () =>
    onHost(
      Effect.gen(function* () {
        const two = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 })
        const { address, host } = yield* serve({ dialect: "course", workers: two })
        const connection = yield* connectTo(address)
        const counts = yield* Effect.all(
          [
            Farm.run(PrimeJob.job, input, { workers: farm(host) }),
            Farm.run(PrimeJob.job, input, { workers: farm(host), packetSize: 2_000 }),
            Effect.map(ask(connection, thousands), sum)
          ],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(counts, [78_498, 78_498, 78_500])
      })
    )
  )

  it.live("serves only farms with the key if there is one", () =>
    onHost(
      Effect.gen(function* () {
        const key = Redacted.make("2, 3, 5, 7")
        const { address, host } = yield* serve({ key })
        assert.strictEqual(yield* Farm.run(PrimeJob.job, input, { workers: farm(host, { key }) }), 78_498)
        const connection = yield* connectTo(address)
        yield* connection.write(CourseProtocol.encodeRequest({ min: 0, max: 10 }))
        assert.strictEqual(yield* outcome(connection.pull), "Done")
      })
    )
  )
})

describe("CourseWorkers", () => {
  it.live.each([
    ["exact", 1],
    ["course", 1],
    ["course", 3]
  ] as const)("counts exactly on servers of dialect %s with %i pending ranges", ([dialect, pipeline]) =>
    onHost(
      Effect.gen(function* () {
        const { host } = yield* serve({ dialect })
        const workers = courseFarm(host, pipeline)
        assert.strictEqual(yield* Farm.run(PrimeJob.job, input, { workers, packetSize: 5_000 }), 78_498)
      })
    )
  )

  it.live("fails a range that the course's protocol cannot express", () =>
    onHost(
      Effect.gen(function* () {
        const { host } = yield* serve()
        const beyond = { from: 2 ** 31, to: 2 ** 31 + 10, kernel: "wasm" } as const
        const { message } = yield* Effect.flip(Farm.run(PrimeJob.job, beyond, { workers: courseFarm(host, 2) }))
        assert.match(message, /range end 2147483658 is too large for the course's protocol \(limit 2\^31 - 1\)/)
      })
    )
  )
})
