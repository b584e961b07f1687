import * as Http from "node:http"
import type * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as OtlpExport from "../../src/admin/OtlpExport.ts"

/** Starts a collector, which records the path, type and text of each request. */
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly requests: Array<string>; readonly close: () => void }>((resume) => {
    const requests: Array<string> = []
    const server = Http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk) => chunks.push(chunk))
      request.on("end", () => {
        requests.push(`${request.url} ${request.headers["content-type"]} ${Buffer.concat(chunks)}`)
        response.end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}`
      const close = () => {
        server.closeAllConnections()
        server.close()
      }
      resume(Effect.succeed({ url, requests, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const program = Effect.gen(function* () {
  yield* Effect.logInfo("hello collector")
  yield* Metric.update(Metric.counter("otlp_test_total"), 1)
}).pipe(Effect.withSpan("a span"))

const run = (env: Record<string, string>) =>
  program.pipe(
    Effect.provide(OtlpExport.layerConfig("rot13")),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )

describe("OtlpExport", () => {
  it.live("layerConfig exports logs, metrics and spans to the endpoint, when the scope closes at the latest", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* collector
      yield* run({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })
      const sent = requests.sort()
      assert.lengthOf(sent, 3)
      assert.match(sent[0]!, /^\/v1\/logs application\/json .*hello collector/)
      assert.match(sent[1]!, /^\/v1\/metrics application\/json .*otlp_test_total/)
      assert.match(sent[2]!, /^\/v1\/traces application\/json .*a span/)
      for (const request of sent) assert.match(request, /"service\.name","value":\{"stringValue":"rot13"/)
    }).pipe(Effect.scoped)
  )

  it.live("layerConfig honours the variables for the protocol, one signal, and the name of the service", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* collector
      yield* run({
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_METRICS_EXPORTER: "none",
        OTEL_TRACES_EXPORTER: "none",
        OTEL_SERVICE_NAME: "other"
      })
      assert.lengthOf(requests, 1)
      assert.match(requests[0]!, /^\/v1\/logs application\/x-protobuf .*other/s)
    }).pipe(Effect.scoped)
  )

  it.live("layerConfig exports nothing without an endpoint, or if it is disabled", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* collector
      yield* run({})
      yield* run({ OTEL_EXPORTER_OTLP_ENDPOINT: "" })
      yield* run({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: "true" })
      assert.isEmpty(requests)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "not a URL" },
      /^cannot export telemetry: Expected a valid URL string at \["OTEL_EXPORTER_OTLP_ENDPOINT"\]$/
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      /^cannot export telemetry: Expected .*"http\/json".* at \["OTEL_EXPORTER_OTLP_PROTOCOL"\]$/
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_TIMEOUT: "soon" },
      /^cannot export telemetry: Expected .* at \["OTEL_EXPORTER_OTLP_TIMEOUT"\]$/
    ]
  ] as const)("layerConfig fails for %j and names the variable", ([env, message]) =>
    Effect.gen(function* () {
      assert.match((yield* Effect.flip(run(env))).message, message)
    })
  )
})
