/** The exporters of effect for OTLP/HTTP. `OtlpExport` loads this module if there is an endpoint. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Otlp from "effect/observability/Otlp"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as SystemErrorText from "../network/SystemErrorText.ts"

const exporters = ConfigProvider.layerAdd(
  ConfigProvider.fromUnknown({
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_TRACES_EXPORTER: "otlp"
  })
)

/** Returns why a request failed; the cause of a failed fetch is the system error. */
const reasonOf = ({ reason }: HttpClientError.HttpClientError) => {
  const { cause } = reason as { readonly cause?: unknown }
  return cause instanceof Error ? SystemErrorText.format(cause.cause ?? cause) : reason.message
}

const failureOf = ({ status }: HttpClientResponse.HttpClientResponse) =>
  status >= 200 && status < 300 ? undefined : `the collector responds with status ${status}`

/** Returns a client that logs, once each, that the collector takes no telemetry, and that it does again. */
export const reporting = (client: HttpClient.HttpClient): HttpClient.HttpClient => {
  let isFailing = false
  const report = (failure: string | undefined, url: string) =>
    Effect.suspend(() => {
      if (isFailing === (failure !== undefined)) return Effect.void
      isFailing = failure !== undefined
      return failure === undefined
        ? Effect.logInfo(`telemetry is exported again to ${url}`)
        : Effect.logWarning(`telemetry is not exported to ${url}, retrying: ${failure}`)
    })
  return HttpClient.transform(client, (response, { url }) =>
    response.pipe(
      Effect.tap((received) => report(failureOf(received), url)),
      Effect.tapError((error) => report(reasonOf(error), url))
    )
  )
}

const reportingClient = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, reporting)).pipe(
  Layer.provide(FetchHttpClient.layer)
)

/** Layer of the exporters that the environment configures; each is on by default. */
export const layer = (protocol: "http/protobuf" | "http/json", serviceName: string | undefined): Layer.Layer<never> => {
  const serialization = protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
  return Otlp.layerFromConfig({ resource: { serviceName } }).pipe(
    Layer.provide([serialization, reportingClient, exporters])
  )
}
