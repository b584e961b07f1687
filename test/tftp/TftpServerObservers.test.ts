import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as NodeServices from "../../src/network/node/NodeServices.ts"
import * as ServerConfig from "../../src/network/ServerConfig.ts"
import * as FileStore from "../../src/tftp/store/FileStore.ts"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import * as TftpServer from "../../src/tftp/TftpServer.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const files = { f: new Uint8Array(600) }

/** Collects the spans that end, with their attributes. */
const makeTracer = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

describe("TftpServer, spans", () => {
  TftpHosts.both("trace each request, and the transfer in it", () =>
    Effect.gen(function* () {
      const { spans, tracer } = makeTracer()
      const { endpoint } = yield* Effect.provideService(TftpHosts.serve({ files }), Tracer.Tracer, tracer)
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 88", "a> ACK 2", "a-")
      yield* talk.play("b> RRQ missing octet", "b< ERROR 1")
      assert.deepStrictEqual(
        spans.map(({ name, status }) => [name, status._tag]),
        [
          ["TftpServer.request", "Ended"],
          ["TftpServer.transfer", "Ended"],
          ["TftpServer.request", "Ended"]
        ]
      )
      const [request, transfer, refused] = spans.map(({ attributes }) => Object.fromEntries(attributes))
      const { client, ...others } = request!
      assert.match(String(client), /^\d+\.\d+\.\d+\.\d+:\d+$/)
      assert.deepStrictEqual(others, { file: "f", opcode: "RRQ", mode: "octet" })
      assert.deepStrictEqual(transfer, { blksize: 512, bytes: 600, windowsize: 1 })
      assert.strictEqual(refused?.file, "missing")
    })
  )
})

/** Collects the annotations of the lines of a log. */
const makeLog = () => {
  const lines: Array<Readonly<Record<string, unknown>>> = []
  const logger = Logger.map(Logger.formatStructured, ({ annotations, level, message }) =>
    lines.push({ ...annotations, level, message })
  )
  return { lines, layer: Logger.layer([logger]) }
}

describe("TftpServer, log with the values of events", () => {
  TftpHosts.simulated("has a line for each event, with its client, its file and its result", () =>
    Effect.gen(function* () {
      const { layer, lines } = makeLog()
      const { endpoint, server } = yield* TftpHosts.serve({ files, annotatesLogs: true, maxTransfers: 1 }).pipe(
        Effect.provide(layer),
        Effect.provideService(References.MinimumLogLevel, "All")
      )
      const seen: Array<TftpServer.Event> = []
      yield* Effect.forkScoped(
        Stream.runForEach(server.events, (event) => Effect.sync(() => seen.push(event))),
        { startImmediately: true }
      )
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "a> RRQ f octet", "a-", "a>> ACK 9", "b> RRQ f octet")
      yield* talk.play(
        "b< DATA 1 512",
        "a< ERROR 0",
        "b> ACK 1",
        "b< DATA 2 88",
        "c> RRQ f octet",
        "c< ERROR 0",
        "b> ACK 2",
        "b-"
      )
      yield* talk.play(
        "d> RRQ none octet",
        "d< ERROR 1",
        "e> RRQ f octet tsize=0",
        "e< OACK tsize=600",
        "e> ERROR 8 no"
      )
      yield* talk.play("e-", "f> RRQ f octet blksize=600", "f< OACK blksize=600", "f> ERROR 0 bye", "f-")
      yield* talk.play("g> RRQ f octet", "g< DATA 1 512")
      yield* Effect.sleep("500 millis")
      yield* server.drain
      yield* Effect.sleep("1 second")
      const tags = seen.map(({ _tag }) => _tag)
      assert.deepStrictEqual(
        lines.flatMap(({ event }) => (event === undefined ? [] : [event])),
        tags
      )
      assert.sameMembers(
        [...new Set(tags)],
        [...["Started", "Progress", "Finished", "Probed", "Refused", "Failed"], ...["Stopped", "GaveWay", "Duplicate"]]
      )
      const finished = lines.find(({ event }) => event === "Finished")!
      const { client, millis, port, rttMillis, timestamp, ...others } = finished
      assert.deepInclude(others, {
        ...{ transfer: 2, kind: "RRQ", file: "f", mode: "octet", level: "INFO" },
        ...{ bytes: 600, blksize: 512, windowsize: 1, resent: 0, malformed: 0 }
      })
      assert.isDefined(client)
      assert.isNumber(port)
      assert.isNumber(millis)
      // An ERROR after an OACK without the size is an abort, not a probe.
      assert.deepInclude(lines.find(({ event, transfer }) => event === "Failed" && transfer === 6)!, {
        reason: "Refused"
      })
    })
  )
})

describe("TftpServer, log of refusals", () => {
  TftpHosts.simulated("names the first of a kind at once, and counts the others once a minute", () =>
    Effect.gen(function* () {
      const { layer, lines } = makeLog()
      const { endpoint } = yield* TftpHosts.serve({ files, deny: ServerConfig.parseNetworks("0.0.0.0/0") }).pipe(
        Effect.provide(layer)
      )
      const talk = yield* TftpTranscript.open({ endpoint })
      for (const name of ["a", "b", "c"]) yield* talk.play(`${name}> RRQ f octet`, `${name}< ERROR 2`)
      const texts = () => lines.map(({ message }) => String(message).replace(/port \d+/, "port N"))
      const detail =
        "RRQ f octet from 10.0.0.2 port N: not served: the address of the client is not allowed; change the networks to allow or to deny"
      assert.deepStrictEqual(texts(), [`1 request refused: ${detail}`])
      yield* Effect.sleep("61 seconds")
      assert.deepStrictEqual(texts(), [
        `1 request refused: ${detail}`,
        `2 requests refused in the last minute: ${detail}`
      ])
      assert.deepStrictEqual(
        lines.map(({ level }) => level),
        ["INFO", "INFO"]
      )
    })
  )
})

describe("TftpServer.statsEvery", () => {
  TftpHosts.simulated("emits the stats at once and in each interval", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files })
      const seen: Array<TftpServer.Stats> = []
      const statsEvery = server.statsEvery("1 second").pipe(Stream.take(2))
      const watch = Stream.runForEach(statsEvery, (stats) => Effect.sync(() => seen.push(stats)))
      const read = Effect.andThen(Effect.sleep("100 millis"), TftpHosts.get(endpoint, "f"))
      yield* Effect.all([watch, read], { concurrency: "unbounded" })
      assert.deepStrictEqual(
        seen.map(({ bytesSent }) => bytesSent),
        [0, 600]
      )
    })
  )
})

describe("TftpServer.layerConfig", () => {
  const start = (env: Record<string, string>, defaults: TftpServer.Options = {}) =>
    Effect.gen(function* () {
      const { address } = yield* TftpServer.TftpServer
      return NetAddress.formatHost(address)
    }).pipe(
      Effect.provide(TftpServer.layerConfig(defaults)),
      Effect.provide(Layer.merge(FileStore.layer(MemoryStore.make()), NodeServices.layer)),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
    )

  it.live("takes options from the environment, and the others from its argument", () =>
    Effect.gen(function* () {
      const env = { TFTP_PORT: "0", TFTP_HOST: "127.0.0.2", TFTP_PORT_RANGE: "50000-50100", TFTP_DRAIN: "5s" }
      assert.strictEqual(yield* start(env, { host: "127.0.0.3" }), "127.0.0.2")
      assert.strictEqual(yield* start({ TFTP_SINGLE_PORT: "true" }, { host: "127.0.0.3", port: 0 }), "127.0.0.3")
    })
  )

  for (const [name, value, expected] of [
    ["TFTP_PORT", "70000", /a whole number, 0 to 65535/],
    ["TFTP_BLKSIZE", "7", /a whole number, 8 to 65464/],
    ["TFTP_PORT_RANGE", "9-3", /two ports such as 50000-50100/],
    ["TFTP_DEADLINE", "soon", /a time such as/],
    ["TFTP_ALLOW", "10.0.0.0/33", /networks such as/],
    ["TFTP_RETRIES", "-1", /a whole number, 0 to 1000/]
  ] as const) {
    it.live(`refuses ${name}=${value}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(start({ TFTP_PORT: "0", [name]: value }))
        assert.match(String(error), expected)
      })
    )
  }
})
