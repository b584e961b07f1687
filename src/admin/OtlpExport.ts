/**
 * Export of logs, metrics and spans to an OpenTelemetry collector over OTLP/HTTP, as its standard variables say.
 *
 * Without an endpoint in the environment nothing is exported, and no module of the exporter is loaded. Unlike the
 * exporters of effect, the three of `OTEL_LOGS_EXPORTER`, `OTEL_METRICS_EXPORTER` and `OTEL_TRACES_EXPORTER` are `otlp`
 * by default, as the OpenTelemetry specification has it; `none` disables one.
 *
 * **Example** (Exporting the telemetry of an app)
 *
 * ```ts no-run
 * import * as Effect from "effect/Effect"
 * import { OtlpExport } from "effect-inet/admin"
 *
 * // OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 node app.ts
 * const program = Effect.logInfo("hello")
 *
 * await Effect.runPromise(Effect.provide(program, OtlpExport.layerConfig("app")))
 * ```
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** An invalid variable of OpenTelemetry; the message names it. @category errors @since 0.1.0 */
export class OtlpExportError extends Data.TaggedError("OtlpExportError")<{ readonly message: string }> {}

const endpointVariables = ["", "LOGS_", "METRICS_", "TRACES_"].map((signal) => `OTEL_EXPORTER_OTLP_${signal}ENDPOINT`)

const protocols = ["http/protobuf", "http/json"] as const

/** The variables that decide what is loaded. An endpoint is checked here, so that the message names its variable. */
const settings = Config.all({
  isDisabled: Config.withDefault(Config.Boolean("OTEL_SDK_DISABLED"), false),
  endpoints: Config.all(endpointVariables.map((name) => Config.option(Config.URL(name)))),
  protocol: Config.withDefault(Config.Literals(protocols, "OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf"),
  serviceName: Config.option(Config.String("OTEL_SERVICE_NAME"))
})

/** Returns the reason of an invalid variable, which names it, as one line. */
const reasonOf = (error: unknown) => {
  const { message } = error instanceof Config.ConfigError ? error.cause : (error as { readonly message?: unknown })
  return String(message ?? error).replaceAll(/\s*\n\s*/g, " ")
}

/**
 * Layer that exports telemetry while it is in use, if OTEL_EXPORTER_OTLP_ENDPOINT or the one of a signal is set.
 * `serviceName` is the default of OTEL_SERVICE_NAME.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (serviceName: string): Layer.Layer<never, OtlpExportError> =>
  Effect.gen(function* () {
    const { endpoints, isDisabled, protocol, serviceName: configured } = yield* settings
    if (isDisabled || endpoints.every(Option.isNone)) return Layer.empty
    const { layer } = yield* Effect.promise(() => import("./OtlpLayers.ts"))
    return layer(protocol, Option.isSome(configured) ? undefined : serviceName)
  }).pipe(
    Layer.unwrap,
    Layer.catchCause((cause) => {
      const message = `cannot export telemetry: ${reasonOf(Cause.squash(cause))}`
      return Layer.effectDiscard(Effect.fail(new OtlpExportError({ message })))
    })
  )
