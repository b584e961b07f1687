import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Farm from "../../../src/farm/Farm.ts"
import * as Job from "../../../src/farm/Job.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as MessageChannel from "../../../src/farm/tcp/wire/MessageChannel.ts"
import * as PayloadCodec from "../../../src/farm/tcp/wire/PayloadCodec.ts"
import * as Protocol from "../../../src/farm/tcp/wire/Protocol.ts"
import type { Workers } from "../../../src/farm/Worker.ts"
import * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as HostEvents from "./HostEvents.ts"

/** Packets and results of a number of bytes: `size` packets of `bytes`, each answered by as many. */
const job = Job.make({
  ...{ name: "echo", version: 1, packet: Schema.Uint8Array, result: Schema.Uint8Array },
  split: ({ bytes, packets }: { readonly packets: number; readonly bytes: number }) =>
    Array.from({ length: packets }, () => new Uint8Array(bytes)),
  work: (packet) => packet,
  empty: 0,
  merge: (sum: number, result) => sum + result.length
})

const codec = PayloadCodec.make(job)

const workMillis = 10

/** Workers that take 10 ms for a packet. */
const makeWorkers = (count: number) =>
  SimWorkers.make(
    job,
    Array.from({ length: count }, () => 1),
    () => workMillis
  )

const serve = (host: SimHost.SimHost, workers: Workers, options: Partial<TcpWorkerServer.Options> = {}) =>
  host.start(
    TcpWorkerServer.make({
      ...{ host: "0.0.0.0", port: 1070, drain: 0 },
      ...options,
      job,
      workers
    } as TcpWorkerServer.Options)
  )

/** Runs the job on a server; returns the output, the lines of the events and the virtual time. */
const runOn = Effect.fnUntraced(function* (
  farm: SimHost.SimHost,
  input: { readonly packets: number; readonly bytes: number },
  settings: Partial<Farm.RunOptions> = {}
) {
  const { events, takeLines } = yield* HostEvents.make(HostEvents.messageOf)
  const start = yield* Simulated.millis
  const output = yield* farm.run(
    Effect.gen(function* () {
      const workers = Effect.succeed(yield* TcpWorkers.make({ job, hosts: ["server"], lease: "2 seconds", events }))
      return yield* Farm.run(job, input, { packetSize: 1, ...settings, workers })
    }).pipe(Effect.scoped, Effect.provide(ServiceNames.layerBuiltIn))
  )
  return { output, lines: yield* takeLines, virtualMillis: (yield* Simulated.millis) - start }
})

const frame = (message: Protocol.Message) => Bytes.concat(Result.getOrThrow(Protocol.encode(message)))

const work = (id: number, bytes: number) =>
  frame({ _tag: "Work", id, packet: Bytes.concat(Result.getOrThrow(codec.packet.encode(new Uint8Array(bytes)))) })

const hello = frame({ _tag: "Hello", version: Protocol.version, job: "echo", jobVersion: 1, lease: 1_000 })

/** Connects as a farm that sends these frames, and reads nothing. */
const connect = Effect.fnUntraced(function* (address: string, ...frames: ReadonlyArray<Uint8Array>) {
  const network = yield* Network.Network
  const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(address, 1070))
  yield* Effect.forkScoped(connection.write(Bytes.concat([Protocol.preamble, hello, ...frames])))
  return connection
})

/** Reads messages until the connection ends, or nothing comes for 2 seconds; returns their texts. */
const readAll = Effect.fnUntraced(function* (connection: Network.Connection) {
  const channel = MessageChannel.make(connection, new Uint8Array(0))
  channel.setLimits({ frameBytes: Protocol.frameLimitBytes.session, packetBytes: 1 << 24 })
  const received: Array<string> = []
  const receive = Effect.map(Effect.timeout(channel.next, "2 seconds"), (message) => {
    if (message._tag !== "Working" && message._tag !== "Pong")
      received.push("message" in message ? message.message : message._tag)
  })
  yield* Effect.ignore(Effect.forever(receive))
  return received
})

describe("The bytes of a farm at a server", () => {
  const setUp = Effect.fnUntraced(function* (
    host: (name: string) => Effect.Effect<SimHost.SimHost>,
    options: Partial<TcpWorkerServer.Options> = {},
    threads = 2
  ) {
    const [server, farm] = yield* Effect.all([host("server"), host("farm")])
    const workers = makeWorkers(threads)
    yield* serve(server, workers.workers, options)
    return { server, farm, workers }
  })

  it.effect("do not exceed the limit: the farm waits, and a packet over it is sent alone", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const { farm } = yield* setUp(host, { maxInFlightBytes: 1_000 })
        for (const bytes of [300, 600, 5_000]) {
          const { lines, output } = yield* runOn(farm, { packets: 20, bytes })
          assert.strictEqual(output, 20 * bytes)
          assert.deepStrictEqual(lines, ["Connected"])
        }
      }).pipe(Effect.orDie)
    )
  )

  it.effect("end the connection of one that exceeds the limit, with one line", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const { farm, server } = yield* setUp(host, { maxInFlightBytes: 1_000 })
        const received = yield* farm.run(
          Effect.scoped(Effect.flatMap(connect(server.address, work(1, 2_000), work(2, 10)), readAll))
        )
        const violation = "protocol violation: packet 2: more than 1000 bytes of packets in flight"
        assert.deepStrictEqual(received, ["Welcome", violation])
      }).pipe(Effect.orDie)
    )
  )

  it.effect("are read from both sides at once: long packets and results do not wait for each other", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const { farm } = yield* setUp(host)
        const { lines, output } = yield* runOn(farm, { packets: 3, bytes: 300_000 })
        assert.strictEqual(output, 3 * 300_000)
        assert.deepStrictEqual(lines, ["Connected"])
      }).pipe(Effect.orDie)
    )
  )

  it.effect("are signs of life on both sides, while a packet takes longer than the lease on a slow line", () =>
    Simulated.run((simulation) =>
      Effect.gen(function* () {
        const { farm } = yield* setUp(simulation.host)
        yield* simulation.link("server", "farm", { latency: "1 millis", bandwidth: 100_000 })
        const { lines, output, virtualMillis } = yield* runOn(farm, { packets: 2, bytes: 600_000 })
        assert.strictEqual(output, 2 * 600_000)
        assert.deepStrictEqual(lines, ["Connected"])
        // Virtual time: both packets and both results take 6 s each; the lease is 2 s.
        assert.isAbove(virtualMillis, 12_000)
      }).pipe(Effect.orDie)
    )
  )

  it.effect("renew the leases of a run, while a packet and its result take longer than these on a slow line", () =>
    Simulated.run((simulation) =>
      Effect.gen(function* () {
        const { farm, workers } = yield* setUp(simulation.host, {}, 1)
        yield* simulation.link("server", "farm", { latency: "1 millis", bandwidth: 100_000 })
        const { output } = yield* runOn(farm, { packets: 2, bytes: 600_000 }, { lease: "4 seconds" })
        assert.strictEqual(output, 2 * 600_000)
        assert.lengthOf(workers.sent, 2)
      }).pipe(Effect.orDie)
    )
  )

  it.effect("give a cancel and its outcome time, while a long packet is before them on a slow line", () =>
    Simulated.run((simulation) =>
      Effect.gen(function* () {
        const { farm, workers } = yield* setUp(simulation.host, {}, 1)
        yield* simulation.link("server", "farm", { latency: "1 millis", bandwidth: 100_000 })
        const { events, takeLines } = yield* HostEvents.make(HostEvents.messageOf)
        const interrupted = Effect.gen(function* () {
          const pool = Effect.succeed(yield* TcpWorkers.make({ job, hosts: ["server"], lease: "2 seconds", events }))
          const run = Farm.run(job, { packets: 1, bytes: 600_000 }, { workers: pool })
          yield* Effect.timeoutOption(run, "1 second")
          // Five times the lease: the packet arrives after 6 s, and then the cancel.
          yield* Effect.sleep("10 seconds")
          return yield* Farm.run(job, { packets: 1, bytes: 10 }, { workers: pool })
        }).pipe(Effect.scoped, Effect.provide(ServiceNames.layerBuiltIn))
        assert.strictEqual(yield* farm.run(interrupted), 10)
        assert.deepStrictEqual(yield* takeLines, ["Connected"])
        assert.lengthOf(workers.sent, 2)
      }).pipe(Effect.orDie)
    )
  )

  it.effect("are few while the farm does not read its results, and the work goes on when it does", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const { farm, server, workers } = yield* setUp(host, {}, 1)
        const packets = 60
        const bytes = 200_000
        yield* farm.run(
          Effect.gen(function* () {
            const frames = Array.from({ length: packets }, (_, id) => work(id, bytes))
            const connection = yield* connect(server.address, ...frames)
            // Five times the lease: a farm that is not read cannot give a sign of life.
            yield* Effect.sleep("5 seconds")
            const begun = workers.sent.length
            assert.isBelow(begun * bytes, 4_000_000)
            const received = yield* readAll(connection)
            assert.isAbove(received.length, begun)
            assert.deepStrictEqual(
              received.filter((text) => text !== "Done"),
              ["Welcome", "timed out: no message within 1 s"]
            )
          }).pipe(Effect.scoped)
        )
      }).pipe(Effect.orDie)
    )
  )
})

describe("The reason of a refusal", () => {
  it.effect("reaches a farm that is still sending, over the sockets of this host", () =>
    Effect.gen(function* () {
      const { workers } = makeWorkers(1)
      const server = yield* TcpWorkerServer.make({ port: 0, job, workers, drain: 0 })
      const refused = Stream.filter(server.events, ({ _tag }) => _tag === "FarmRefused")
      const hasRefused = yield* Effect.forkScoped(Stream.runHead(refused), { startImmediately: true })
      const connection = yield* (yield* Network.Network).connect(server.address)
      const otherJob = frame({ _tag: "Hello", version: Protocol.version, job: "other", jobVersion: 1, lease: 1_000 })
      yield* connection.write(Bytes.concat([Protocol.preamble, otherJob]))
      yield* Fiber.join(hasRefused)
      // The turns in which a server that reads no more closes, and its kernel answers these bytes with a reset.
      for (let turn = 0; turn < 20; turn++) {
        yield* Effect.ignore(connection.write(new Uint8Array(1_000)))
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      const channel = MessageChannel.make(connection, new Uint8Array(0))
      const answer = yield* channel.next
      const message = "wrong job other 1: this server runs echo 1"
      assert.deepStrictEqual(answer, { _tag: "Refused", reason: "Job", message })
      const end = yield* Effect.exit(channel.next)
      assert.isTrue(Exit.isFailure(end) && Pull.isDoneCause(end.cause))
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})

describe("The workers of a server", () => {
  it.effect("may all join later: the server begins with the first", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [server, farm] = yield* Effect.all([host("server"), host("farm")])
        const late = makeWorkers(1)
        const workers: Workers = Effect.map(late.workers, (pool) => ({
          workers: [],
          joining: Stream.fromEffect(Effect.delay(Effect.succeed(pool.workers[0]!), "300 millis"))
        }))
        yield* serve(server, workers)
        yield* Effect.sleep("400 millis")
        const { output } = yield* runOn(farm, { packets: 5, bytes: 10 })
        assert.strictEqual(output, 50)
      }).pipe(Effect.orDie)
    )
  )

  it.effect("serve a farm while others greet slowly, or not at all", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [server, farm, slow] = yield* Effect.all([host("server"), host("farm"), host("slow")])
        yield* serve(server, makeWorkers(2).workers)
        const greetSlowly = Effect.gen(function* () {
          const network = yield* Network.Network
          const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1070))
          for (const byte of [...Protocol.preamble, ...hello]) {
            yield* connection.write(Uint8Array.of(byte))
            yield* Effect.sleep("50 millis")
          }
        }).pipe(Effect.scoped, Effect.ignore)
        const silent = Effect.scoped(
          Effect.andThen(
            Effect.flatMap(Network.Network, (network) =>
              network.connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1070))
            ),
            Effect.never
          )
        )
        for (const client of [greetSlowly, silent, silent]) yield* slow.start(client)
        const { output, virtualMillis } = yield* runOn(farm, { packets: 100, bytes: 10 })
        assert.strictEqual(output, 1_000)
        // Virtual time: 500 ms of work for two workers.
        assert.isBelow(virtualMillis, 600)
      }).pipe(Effect.orDie)
    )
  )
})
