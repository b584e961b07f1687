/** The exporters of effect for OTLP/HTTP. `OtlpExport` loads this module if there is an endpoint. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Otlp from "effect/observability/Otlp"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"

const exporters = ConfigProvider.layerAdd(
  ConfigProvider.fromUnknown({
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_TRACES_EXPORTER: "otlp"
  })
)

/** Layer of the exporters that the environment configures; each is on by default. */
export const layer = (protocol: "http/protobuf" | "http/json", serviceName: string | undefined): Layer.Layer<never> => {
  const serialization = protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
  return Otlp.layerFromConfig({ resource: { serviceName } }).pipe(
    Layer.provide([serialization, FetchHttpClient.layer, exporters])
  )
}
